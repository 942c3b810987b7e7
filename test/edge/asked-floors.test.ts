// Edges that ask for their floors: no older page once a change is done, whatever becomes of questions and answers.
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createEdge, type Edge } from '../../edge/app.ts';
import { createMemoryStore } from '../../edge/stored/stored-response.ts';
import { createNodeUpstream } from '../../edge/upstream/upstream-node.ts';
import { floorsPath, signatureHeader, signFloors } from '../../http/asked-floors.ts';
import { pruneFloors, readFloorsSince, recordFloors } from '../../origin/edges/floor-log.ts';
import { floorsRoute } from '../../origin/edges/floors-route.ts';
import { onlyLineage } from '../../origin/invalidation/lineage-watch.ts';
import { createPool, createDatabase as openDatabase } from '../../origin/postgres/database.ts';
import type { Db } from '../../origin/schema.ts';
import { createAskingEdgesPurger } from '../../worker/purge-asking-edges.ts';
import { createDatabase } from '../support/stores.ts';
import { purgeKey } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';

const standing = new AsyncDisposableStack();
let db: Db;
beforeAll(async () => {
  const { url } = standing.use(await createDatabase());
  db = openDatabase(createPool({ url, name: 'test', max: 10, onError: () => undefined }));
  standing.defer(() => db.destroy());
});
afterAll(() => standing.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('edge_leases').execute();
});

const steps = [
  'change',
  'the first edge asks',
  'the second edge asks',
  'the oldest answer arrives',
  'the newest answer arrives',
  'the oldest answer is lost',
  'the first edge is read',
  'the second edge is read',
  'hold pages',
  'let pages go',
  'the log is forgotten',
  'the first edge starts anew',
  'wait 900 ms',
  'wait 4 s',
] as const;
type Step = (typeof steps)[number];

const plantedBugs = {
  'the lease starts when the answer arrives': [
    ...(['the first edge asks', 'the oldest answer arrives', 'the first edge is read'] as const),
    ...(['the first edge asks', 'change', 'wait 4 s', 'the oldest answer arrives'] as const),
    'the first edge is read',
  ],
  'no lease is noted': [
    ...(['the first edge asks', 'the oldest answer arrives', 'the first edge is read', 'change'] as const),
    'the first edge is read',
  ],
  'floors of an answer are passed over': [
    ...(['the first edge asks', 'the oldest answer arrives', 'the first edge is read', 'change'] as const),
    ...(['the first edge asks', 'the oldest answer arrives', 'the first edge asks'] as const),
    ...(['the oldest answer arrives', 'the first edge is read'] as const),
  ],
  'an edge that was away for long keeps what it has': [
    ...(['the first edge asks', 'the oldest answer arrives', 'the first edge is read', 'change'] as const),
    ...(['wait 4 s', 'the log is forgotten', 'the first edge asks', 'the oldest answer arrives'] as const),
    'the first edge is read',
  ],
} satisfies Record<string, Step[]>;
type PlantedBug = keyof typeof plantedBugs;

/** @returns the stale reads, told in words */
async function play(sequence: readonly Step[], bug?: PlantedBug): Promise<string[]> {
  // Edges of the play before hold leases that would have to run out; the log goes on, so the tag is a new one.
  await db.deleteFrom('edge_leases').execute();
  const tag = `product:${crypto.randomUUID()}`;
  const clock = { now: 1_800_000_000_000 };
  const now = () => clock.now;
  const log = pino({ level: 'silent' });
  const settings = { edgePurgeKey: purgeKey, edgeLeaseSeconds: 3 };
  const origin = floorsRoute({ db, log, now, lineage: onlyLineage, settings, monotonicMs: now });
  let looks = 0;
  const counted = db.withPlugin({
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      looks++;
      return result;
    },
  });
  const worker = createAskingEdgesPurger({
    ...{ db: counted, log, leaseSeconds: 3, lineage: onlyLineage, clock: now, lookEveryMs: 1 },
  });
  // The origin learns the lineage first; then past its quiet time, and past what the worker cannot know.
  await settle();
  clock.now += 5_000;
  let version = 1;
  let done = 1;
  /** Whether a page may still be on its way from before: who asks for the same waits for it. */
  let isHeld = false;
  let gate: { open: Promise<void>; release: () => void } | undefined;
  const answers: { arrive(): void; lose(): void; asked?: Promise<unknown> }[] = [];

  const startEdge = (): Edge => {
    const edge = createEdge({
      store: createMemoryStore(1_000_000),
      ...{ purgeKey, leaseSeconds: 3, servedBy: 'test/edge', asksForFloors: true },
      clock: { wallMs: now, monotonicMs: now },
      async upstream({ path, headers, body }) {
        if (path !== floorsPath) {
          const shown = version;
          await gate?.open;
          return { status: 200, statusText: 'OK', headers: pageOf(tag, shown), body: streamOf(`${shown}`) };
        }
        const init = { method: 'POST', headers, body: await new Response(body).text() };
        const answer = await origin.request(path, init);
        if (bug === 'no lease is noted') await db.deleteFrom('edge_leases').execute();
        await new Promise<void>((resolve, reject) =>
          answers.push({ arrive: resolve, lose: () => reject(new Error('The answer is lost')) }),
        );
        return answer;
      },
    });
    const { fence } = edge;
    const renew = fence.renew;
    if (bug === 'the lease starts when the answer arrives') fence.renew = (t) => renew(t, now());
    if (bug === 'floors of an answer are passed over') fence.raise = () => undefined;
    if (bug === 'an edge that was away for long keeps what it has') fence.forget = () => undefined;
    return edge;
  };
  const edges = [startEdge(), startEdge()];
  const stale: string[] = [];
  const running = new Set<Promise<unknown>>();
  const begin = (work: Promise<unknown>) => {
    running.add(work);
    void work.finally(() => running.delete(work));
  };
  const ask = async (index: number) => {
    const waiting = answers.length;
    const asked = edges[index]!.follower!.ask(0);
    begin(asked);
    await until(() => answers.length > waiting);
    answers[waiting]!.asked = asked;
  };
  const read = async (index: number) => {
    const least = done;
    const show = async () => {
      const answer = await edges[index]!.app.request('http://shop.test/p/shirt', {}, {});
      const shown = Number(await answer.text());
      if (shown < least) stale.push(`edge ${index} showed ${shown} after ${least} was done`);
    };
    const reading = show();
    begin(reading);
    if (!isHeld) await reading;
  };
  const stopping = new AbortController();
  let purges = 0;
  /** Until the worker has written what changed and looked at the leases twice, or has nothing left to wait for. */
  const settleAll = async () => {
    await settle();
    const enough = looks + 4;
    await until(() => purges === 0 || looks >= enough);
  };
  const change = () => {
    const changed = ++version;
    purges++;
    const purging = worker.purge({ [tag]: changed }, stopping.signal).then(
      () => (done = Math.max(done, changed)),
      () => undefined,
    );
    begin(purging.finally(() => purges--));
  };
  /** Until the edge has used it, or passed over it. */
  const arrive = async (answer = answers[0]) => {
    if (answer === undefined) return;
    answers.splice(answers.indexOf(answer), 1);
    answer.arrive();
    await answer.asked;
  };
  const act: Record<Step, () => unknown> = {
    change,
    'the first edge asks': () => ask(0),
    'the second edge asks': () => ask(1),
    'the oldest answer arrives': () => arrive(),
    'the newest answer arrives': () => arrive(answers.at(-1)),
    'the oldest answer is lost': () => answers.shift()?.lose(),
    'the first edge is read': () => read(0),
    'the second edge is read': () => read(1),
    'hold pages': () => {
      gate ??= newGate();
      isHeld = true;
    },
    'let pages go': () => {
      gate?.release();
      gate = undefined;
      isHeld = false;
    },
    'the log is forgotten': () => pruneFloors(db, 0),
    'the first edge starts anew': () => (edges[0] = startEdge()),
    'wait 900 ms': () => (clock.now += 900),
    'wait 4 s': () => (clock.now += 4_000),
  };
  for (const step of sequence) {
    await act[step]();
    await settleAll();
  }
  gate?.release();
  for (const answer of answers) answer.lose();
  stopping.abort();
  await Promise.all(running);
  await worker.stop();
  return stale;
}

/** As long as an edge takes to use an answer. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 3));
  await db.selectFrom('edge_floor_head').select('position').execute();
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

function newGate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: promise, release: resolve };
}

function pageOf(tag: string, version: number): Headers {
  return new Headers({
    'content-type': 'text/plain',
    'cdn-cache-control': 'max-age=3600, stale-while-revalidate=60, stale-if-error=86400',
    'cache-tag': `${tag}@${version}`,
  });
}

function streamOf(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream();
}

test('No edge that asks shows an older page after a change is done, in any order of questions, answers and waits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...steps), { minLength: 12, maxLength: 24 }),
      async (sequence) => {
        expect(await play(sequence)).toEqual([]);
      },
    ),
    { numRuns: 8 },
  );
}, 120_000);

test.each(Object.entries(plantedBugs))(
  'A planted bug is found: %s',
  async (bug, sequence) => {
    expect(await play(sequence)).toEqual([]);
    expect(await play(sequence, bug as PlantedBug)).not.toEqual([]);
  },
  60_000,
);

test('Who has read the log up to a position misses nothing before it, though changes are written at the same time', async () => {
  const start = await readFloorsSince(db, undefined, 10);
  expect(start).toMatchObject({ forgotten: true, tags: {} });
  const tags = Array.from({ length: 30 }, (_, n) => `product:${n}`);
  const seen: Record<string, number> = {};
  let since = start.position;
  const writing = Promise.all(tags.map((tag, n) => recordFloors(db, { [tag]: n, [`${tag}/more`]: 1 })));
  const follow = async () => {
    const found = await readFloorsSince(db, since, 7);
    expect(found.forgotten).toBe(false);
    Object.assign(seen, found.tags);
    since = found.position;
    return found.more;
  };
  for (let turn = 0; turn < 10; turn++) await follow();
  const last = Math.max(...(await writing));
  while (await follow());
  expect(since).toBe(last);
  expect(Object.keys(seen)).toHaveLength(60);
  // A floor only goes up, and one that is raised again is told again.
  await recordFloors(db, { 'product:29': 3 });
  expect((await readFloorsSince(db, last, 7)).tags).toEqual({ 'product:29': 29 });
});

test('An edge under Node asks the host of its origin, and has no lease from an answer that is not signed', async () => {
  await using origin = await startOrigin((_request, response) => response.end('{}'));
  const faults: string[] = [];
  const timeouts = { silenceMs: 8_000, wholeMs: 10_000, maxConnections: 5, maxCalls: 5 };
  const edge = createEdge({
    store: createMemoryStore(1_000_000),
    upstream: createNodeUpstream({ originUrl: origin.url, ...timeouts }),
    ...{ purgeKey, leaseSeconds: 3, servedBy: 'test/edge', asksForFloors: true },
    onFollowFault: (reason) => faults.push(reason),
  });
  expect(await edge.follower!.ask(0)).toBe('failed');
  expect(faults.join()).toContain('not signed');
  expect(edge.fence.leaseLeftMs()).toBe(0);
  expect(origin.asked[0]!.headers).toMatchObject({ host: new URL(origin.url).host });
});

test('Floors are told to nobody without the key, nor for a lease that is longer than the origins know', async () => {
  const now = () => 1_800_000_000_000;
  const settings = { edgePurgeKey: purgeKey, edgeLeaseSeconds: 3 };
  let monotonicMs = 0;
  const parts = { db, now, settings, lineage: onlyLineage, log: pino({ level: 'silent' }) };
  const origin = floorsRoute({ ...parts, monotonicMs: () => monotonicMs });
  await settle();
  monotonicMs = 2_000;
  const question = {
    ...{ edge: crypto.randomUUID(), name: 'a/edge', ask: 1, leaseMs: 3_000, waitMs: 0 },
  };
  const ask = async (body: string, key = purgeKey, role: 'question' | 'answer' = 'question', t = now()) => {
    const headers = { [signatureHeader]: await signFloors(key, role, body, t) };
    return (await origin.request(floorsPath, { method: 'POST', body, headers })).status;
  };
  const right = JSON.stringify(question);
  expect((await origin.request(floorsPath, { method: 'POST', body: right })).status).toBe(401);
  expect(await ask(right, 'another key')).toBe(401);
  expect(await ask(right, purgeKey, 'answer')).toBe(401);
  expect(await ask(right, purgeKey, 'question', now() - 60_001)).toBe(401);
  for (const wrong of ['', 'null', '[]', '{', JSON.stringify({ ...question, cursor: 'x' })])
    expect(await ask(wrong)).toBe(400);
  expect(await ask(JSON.stringify({ ...question, leaseMs: 3_001 }))).toBe(400);
  expect(await db.selectFrom('edge_leases').selectAll().execute()).toEqual([]);
  for (const _twice of [1, 2]) expect(await ask(right)).toBe(200);
});
