// Drill: many clients at once send slowly, read slowly, upload purges or guess passwords, against balancer and edge.
// Other shoppers must get every answer, after retries, and 99 of 100 pages within a second.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { addUpResults, type DrillContext, type DrillResult, type Fault } from './drill.ts';
import { runFault } from './run-fault.ts';

interface Attack {
  summary: string;
  /** Attacks until `stop` is aborted. @returns how many requests were begun */
  run(doors: string[], short: boolean, stop: AbortSignal): Promise<number>;
}

const mostP99Ms = 1_000;
const dripMs = 1_000;

const attacks: Record<string, Attack> = {
  'slow bodies': {
    summary: '2,000 clients that send a byte of a body each second',
    run: dripping(2_000, (host) => [
      `POST /api/cart/lines HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n`,
      ' ',
    ]),
  },
  'slow headers': {
    summary: '2,000 clients that send a byte of their header fields each second',
    run: dripping(2_000, (host) => [`GET / HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `, 'a']),
  },
  'slow readers': {
    summary: '2,000 clients that ask for many pages and read none',
    run: dripping(2_000, (host) => [`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(30), '']),
  },
  'purge uploads': {
    summary: '500 purges that bear the form of a signature and are uploaded slowly',
    run: (doors, short, stop) =>
      dripping(500, (host) => [
        `POST /.edge/purge HTTP/1.1\r\nHost: ${host}\r\nPurge-Signature: t=${Date.now()},v1=${'0'.repeat(64)}\r\nContent-Length: 4000000\r\n\r\n`,
        ' '.repeat(1_000),
      ])(doors.slice(-1), short, stop),
  },
  'password guesses': { summary: '300 guesses a second from many addresses', run: guess },
};

export async function greedyClients(context: DrillContext): Promise<DrillResult> {
  const { region, short, size } = context;
  const doors = [region.storefront, region.edge];
  const seconds = size.seconds ?? (short ? 8 : 60);
  const results: DrillResult[] = [];
  const before: number[] = [];
  await browse(doors, seconds / 2, before, []);
  for (const [name, attack] of Object.entries(attacks)) {
    context.progress(`greedy-clients: ${name}`);
    const pages: number[] = [];
    const failed: string[] = [];
    const fault: Fault = {
      summary: attack.summary,
      async inflict({ mark, note }) {
        const stopping = new AbortController();
        const under = attack.run(doors, short, stopping.signal);
        mark(name);
        await browse(doors, seconds, pages, failed);
        stopping.abort();
        mark('over');
        note(`${await under} requests of the attack`);
      },
    };
    const result = await runFault(name, fault, { ...context, size: { ...size, seconds: 4, shoppers: 20 } });
    const p99 = p99Of(pages);
    result.notes.push(
      `${pages.length} pages, p99 ${Math.round(p99)} ms, ${failed.length} never came`,
      ...failed.slice(0, 3),
    );
    result.errors += failed.length;
    if (failed.length > 0 || p99 > mostP99Ms) result.verdict = 'fail';
    results.push(result);
  }
  return addUpResults('greedy-clients', context, results, [
    `without an attack: ${before.length} pages, p99 ${Math.round(p99Of(before))} ms`,
    ...results.flatMap(({ drill, verdict, notes }) => notes.map((note) => `${drill} (${verdict}): ${note}`)),
  ]);
}

function p99Of(pages: number[]): number {
  return pages.toSorted((a, b) => a - b)[Math.floor(pages.length * 0.99)] ?? Number.POSITIVE_INFINITY;
}

const pagePaths = ['/', '/c/shirts', '/search?q=shirt', '/api/products'];
const tries = 5;
const pageMs = 5_000;

/** Four shoppers browse, two at each address. Each page is retried a few times. */
async function browse(doors: string[], seconds: number, pages: number[], failed: string[]): Promise<void> {
  const until = performance.now() + seconds * 1_000;
  const look = async (door: string) => {
    for (let turn = 0; performance.now() < until; turn++) {
      const url = door + pagePaths[turn % pagePaths.length];
      const began = performance.now();
      const status = await askPatiently(url);
      pages.push(performance.now() - began);
      if (status >= 500 || status === 0) failed.push(`${url}: ${status || 'no answer'}`);
      await delay(50);
    }
  };
  await Promise.all([...doors, ...doors].map(look));
}

async function askPatiently(url: string): Promise<number> {
  let status = 0;
  for (let attempt = 0; attempt < tries; attempt++) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(pageMs) }).catch(() => undefined);
    await answer?.arrayBuffer().catch(() => undefined);
    status = answer?.status ?? 0;
    if (answer !== undefined && status < 500) return status;
    await delay(200);
  }
  return status;
}

/** Opens connections again when they are closed. Sends one piece each second and reads nothing. */
function dripping(count: number, begin: (host: string) => [first: string, piece: string]): Attack['run'] {
  return async (doors, short, stop) => {
    const open = new Set<Socket>();
    let begun = 0;
    const start = (door: URL) => {
      if (stop.aborted) return;
      begun += 1;
      const [first, piece] = begin(door.host);
      const socket = connect(Number(door.port), door.hostname);
      open.add(socket);
      socket.on('error', () => undefined).pause();
      socket.write(first);
      const drip = setInterval(() => piece !== '' && !socket.destroyed && socket.write(piece), dripMs);
      socket.on('close', () => {
        clearInterval(drip);
        open.delete(socket);
        setTimeout(() => start(door), dripMs).unref();
      });
    };
    for (let n = 0; n < (short ? count / 4 : count); n++) {
      start(new URL(doors[n % doors.length]!));
      if (n % 50 === 49) await delay(20);
    }
    if (!stop.aborted)
      await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
    for (const socket of open) socket.destroy();
    return begun;
  };
}

const guessesASecond = 300;
const guessMs = 10_000;

async function guess(doors: string[], short: boolean, stop: AbortSignal): Promise<number> {
  let begun = 0;
  const once = async (door: string) => {
    const [a, b, c] = randomBytes(3);
    await fetch(`${door}/api/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': `10.${a}.${b}.${c}` },
      body: JSON.stringify({ email: `drill-${a}@myclothes.test`, password: `guess ${b} ${c}` }),
      signal: AbortSignal.any([stop, AbortSignal.timeout(guessMs)]),
    })
      .then((answer) => answer.arrayBuffer())
      .catch(() => undefined);
  };
  while (!stop.aborted) {
    for (let n = 0; n < (short ? guessesASecond / 4 : guessesASecond) / 10; n++) {
      void once(doors[begun % doors.length]!);
      begun += 1;
    }
    await delay(100);
  }
  return begun;
}
