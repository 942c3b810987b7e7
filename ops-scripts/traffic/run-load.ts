// Runs the load generator in a process of its own, and its visitors: one connection and its cookies each.

import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { openConnection } from './http-connection.ts';

export interface VisitStep {
  /** The name under which its answers are counted. */
  name: string;
  method?: 'GET' | 'POST' | 'PUT';
  path: string;
  headers?: Record<string, string>;
  /** Sent as JSON, with its own idempotency key. */
  body?: unknown;
  /** Text that an answer's body must contain to be a success. */
  expects?: string;
}

interface LoadTally {
  /** Milliseconds, one for each answer. */
  latencies: number[];
  bytes: number;
  /** Answers other than 2xx, 303 and 304. */
  refused: number;
  /** The number of refusals by step and status, such as `add 503`; 200 if a body lacked the expected text. */
  refusals: Record<string, number>;
  /** Requests whose connection broke. */
  failed: number;
}

interface LoadVisitor {
  /** Successful answers, by step. */
  done: Record<string, number>;
  cookie: string;
  visit(untilMs: number, tally: LoadTally): Promise<void>;
  close(): void;
}

function createVisitor(base: URL, steps: VisitStep[], firstStep: number): LoadVisitor {
  const connection = openConnection(base);
  const jar = new Map<string, string>();
  const prepared = steps.map((step) => prepareRequest(base, step));
  const visitor: LoadVisitor = {
    done: {},
    cookie: '',
    async visit(untilMs, tally) {
      for (let turn = firstStep; performance.now() < untilMs; turn++) {
        const index = turn % steps.length;
        const began = performance.now();
        try {
          const { expects } = steps[index]!;
          const request = prepared[index]!(visitor.cookie);
          const { status, head, body, bytes } = await connection.send(request);
          tally.latencies.push(performance.now() - began);
          tally.bytes += bytes;
          if (/\r\nset-cookie:/i.test(head)) visitor.cookie = keepCookies(jar, head);
          if (isSuccess(status) && (expects === undefined || body().includes(expects)))
            count(visitor.done, steps[index]!.name);
          else {
            tally.refused += 1;
            count(tally.refusals, `${steps[index]!.name} ${status}`);
          }
        } catch {
          tally.failed += 1;
        }
      }
    },
    close: () => connection.close(),
  };
  return visitor;
}

function isSuccess(status: number): boolean {
  return (status >= 200 && status < 300) || status === 303 || status === 304;
}

function count(done: Record<string, number>, name: string): void {
  done[name] = (done[name] ?? 0) + 1;
}

function keepCookies(jar: Map<string, string>, head: string): string {
  for (const [, name = '', value = ''] of head.matchAll(/\r\nset-cookie: *([^=;\r]+)=([^;\r]*)/gi))
    jar.set(name, value);
  return [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
}

/** Parts of the request that never change are assembled once. */
function prepareRequest(base: URL, step: VisitStep): (cookie: string) => string {
  const { method = 'GET', path, headers = {}, body } = step;
  const lines = Object.entries({ host: base.host, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const start = `${method} ${path} HTTP/1.1\r\n${lines.join('')}`;
  const withCookie = (cookie: string) => (cookie === '' ? start : `${start}cookie: ${cookie}\r\n`);
  if (body === undefined) return (cookie) => `${withCookie(cookie)}\r\n`;
  const json = JSON.stringify(body);
  const about = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n`;
  return (cookie) => `${withCookie(cookie)}${about}idempotency-key: ${randomUUID()}\r\n\r\n${json}`;
}

export interface Load {
  url: string;
  connections: number;
  seconds: number;
  steps: VisitStep[];
}

export interface LoadResult {
  requests: number;
  seconds: number;
  bytes: number;
  refused: number;
  refusals: Record<string, number>;
  failed: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  /** How each visitor ended: its successful answers by step, and its cookies. */
  visitors: { done: Record<string, number>; cookie: string }[];
}

export async function runLoad(load: Load): Promise<LoadResult> {
  const child = fork(import.meta.filename, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit').then(() => {
    throw new Error('Cannot measure as the load generator ended early');
  });
  ended.catch(() => undefined);
  child.send(load);
  const [result] = (await Promise.race([once(child, 'message'), ended])) as [LoadResult];
  child.disconnect();
  return result;
}

async function makeLoad({ url, connections, seconds, steps }: Load): Promise<LoadResult> {
  const base = new URL(url);
  const tally: LoadTally = { latencies: [], bytes: 0, refused: 0, refusals: {}, failed: 0 };
  const visitors = Array.from({ length: connections }, (_, index) => createVisitor(base, steps, index));
  const began = performance.now();
  await Promise.all(visitors.map((visitor) => visitor.visit(began + seconds * 1_000, tally)));
  const took = (performance.now() - began) / 1_000;
  for (const visitor of visitors) visitor.close();
  const { latencies, ...counted } = tally;
  const sorted = Float64Array.from(latencies).sort();
  const atShare = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return {
    ...counted,
    requests: sorted.length,
    seconds: took,
    p50Ms: atShare(0.5),
    p95Ms: atShare(0.95),
    p99Ms: atShare(0.99),
    visitors: visitors.map(({ done, cookie }) => ({ done, cookie })),
  };
}

if (process.argv[1] === import.meta.filename) {
  process.once('message', async (load: Load) => process.send!(await makeLoad(load)));
}
