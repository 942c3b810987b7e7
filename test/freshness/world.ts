// A small shop made of the real parts: one row, a replica, two origins' caches before a real Redis, an edge, and a
// clock that plays turn. Every read is compared with the changes that were done before it began.

import type { TagVersions } from '../../http/cache-tag.ts';
import { createEntryStore } from '../../origin/cache/entry-store.ts';
import { createFencedCache } from '../../origin/cache/fenced-cache.ts';
import { trustedMs } from '../../origin/cache/memory.ts';
import { createFloors } from '../../origin/invalidation/floors.ts';
import type { Db } from '../../origin/schema.ts';
import { createEdgeSide } from './edge-side.ts';
import { createGate, type Gate } from './gate.ts';
import { ignoreLeases, leaveOutChecks, type PlantedBug, serverOf } from './planted-bugs.ts';
import type { Step } from './steps.ts';
import { createClock } from './turned-clock.ts';
import type { TwoRedis } from './two-redis.ts';

const tag = 'product:1';
/** Stand for the two servers; the fills below use nothing else of a database. */
const primary = 'primary' as unknown as Db;
const replica = 'replica' as unknown as Db;

/** @returns the stale reads, in words */
export async function play(steps: Step[], redis: TwoRedis, bug?: PlantedBug): Promise<string[]> {
  await redis.reset();
  const rows: Rows = { primary: 1, replica: 1 };
  const gate = createGate();
  const clock = createClock(bug);
  const worker = createFloors({
    redis: redis.client,
    db: primary,
    readers: [async () => ({ [tag]: rows.primary })],
    server: serverOf(redis, bug),
  });
  const origins = [0, 1].map(() => createOrigin(redis, rows, gate, clock.ofOrigin, bug));
  const edge = createEdgeSide({
    now: clock.now,
    bug,
    async ask() {
      const version = await origins[0]!.read();
      await gate.pass();
      return version;
    },
  });
  await edge.speak();

  const told: { version: number; isDone(): boolean }[] = [];
  const reads = new Set<Promise<void>>();
  const stale: string[] = [];
  const doneNow = () => Math.max(1, ...told.filter((one) => one.isDone()).map(({ version }) => version));
  const read = (door: string, ask: () => Promise<number | undefined>) => {
    const least = doneNow();
    const one = ask().then((seen) => {
      if (seen !== undefined && seen < least) stale.push(`${door} showed ${seen} after ${least} was done`);
      reads.delete(one);
    });
    reads.add(one);
  };
  const wait = async (ms: number) => {
    clock.pass(ms);
    if (ms >= 500) await edge.speak();
  };
  const change = async () => {
    const version = ++rows.primary;
    await worker.raise({ [tag]: version });
    clock.passUnseen(2 * trustedMs);
    told.push({ version, ...edge.tell(version) });
    await edge.speak();
  };

  const act: Record<Step, () => unknown> = {
    change,
    'read at origin 0': () => read('origin 0', origins[0]!.read),
    'read at origin 1': () => read('origin 1', origins[1]!.read),
    'read at the edge': () => read('the edge', edge.read),
    hold: gate.close,
    'let go': gate.open,
    'catch up': () => {
      rows.replica = rows.primary;
    },
    'empty Redis': redis.empty,
    'copy Redis': redis.copy,
    'fail over Redis': redis.failOver,
    'words pass': () => edge.words('pass'),
    'words are lost': () => edge.words('lose'),
    'words wait': () => edge.words('wait'),
    'deliver the oldest word': () => edge.deliver('oldest'),
    'deliver the newest word': () => edge.deliver('newest'),
    'stand still': clock.standStill,
    'wait 10 ms': () => wait(10),
    'wait 60 ms': () => wait(60),
    'wait 900 ms': () => wait(900),
    'wait 2.5 s': () => wait(2_500),
    'wait 4.2 s': () => wait(4_200),
  };
  for (const step of steps) {
    await act[step]();
    await settle(redis, reads, gate);
  }
  gate.open();
  await Promise.all(reads);
  return stale;
}

/**
 * Waits until every read has ended. While some stand at the gate, the others get the time of a dozen questions to
 * Redis.
 */
async function settle(redis: TwoRedis, reads: Set<unknown>, gate: Gate): Promise<void> {
  for (let turn = 0; reads.size > 0 && (gate.standing() === 0 || turn < 12); turn++) {
    await redis.client.ping();
    if (turn > 5_000) throw new Error('Cannot go on as a read does not end');
  }
}

interface Rows {
  primary: number;
  replica: number;
}

interface Origin {
  read(): Promise<number>;
}

function createOrigin(
  redis: TwoRedis,
  rows: Rows,
  gate: Gate,
  clock: () => number,
  bug: PlantedBug | undefined,
): Origin {
  const readVersions = async (): Promise<TagVersions> => {
    const version = rows.primary;
    await gate.pass();
    return { [tag]: version };
  };
  const fill = async (db: unknown) => {
    const version = db === replica ? rows.replica : rows.primary;
    await gate.pass();
    return { value: version, tags: { [tag]: version } };
  };
  const client =
    bug === 'the lease of an unknown floor is ignored' ? ignoreLeases(redis.client) : redis.client;
  const server = serverOf(redis, bug);
  const { floors, entries } = leaveOutChecks(
    bug,
    createFloors({ redis: client, db: primary, readers: [readVersions], server }),
    createEntryStore(client, { isLeft: async () => true }),
  );
  const blind = bug === 'rows of a replica are not compared';
  const cache = createFencedCache({
    db: primary,
    floors,
    // A reader that finds the lease taken looks only once. Waiting would take a second of a clock that only plays
    // turn.
    entries: { ...entries, awaitEntry: (key) => entries.get(key) },
    l1Bytes: 1_000_000,
    clock,
    sources: {
      fromReplica: async (read) => (blind ? undefined : { value: await read(replica) }),
      wasBelowFloor: () => undefined,
      fromPrimary: (read) => read(blind ? replica : primary),
      whilePrimaryIsAway: async () => undefined,
      async current(read) {
        const asOf = clock();
        return { value: await read(primary), asOf };
      },
    },
  });
  return {
    async read() {
      // Answers as the origin does for a known address: from memory as far as possible, before the router.
      const known = cache.recall<number>('page') ?? (await cache.recheck<number>('page'));
      return (known ?? (await cache.read({ key: 'page', fill, fromReplicas: true }))).value;
    },
  };
}
