import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectRedis } from '../../origin/redis/connect.ts';
import { type PrivateStore, startRedis } from '../support/stores.ts';
import { type Connection, connectionOf, createWorld, type PlantedBug } from './fence-world.ts';

type Step =
  | { do: 'change'; tag: string }
  | { do: 'read'; origin: number; tag: string }
  | { do: 'hold' | 'let go' | 'flush' }
  | { do: 'wait'; ms: number };

const tag = fc.constantFrom('product:1', 'product:2');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('change' as const), tag }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('read' as const), origin: fc.nat(1), tag }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('hold' as const, 'let go' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 }) }),
  },
);
const steps = fc.array(step, { minLength: 4, maxLength: 30 });

describe('what has been invalidated is never served again', () => {
  let store: PrivateStore;
  let connections: Connection[];
  let admin: Redis;

  beforeAll(async () => {
    store = await startRedis({ appendonly: 'no' });
    admin = new Redis(store.url).on('error', () => undefined);
    connections = [0, 1].map((number) =>
      connectionOf(connectRedis({ urls: [store.url], name: `origin-${number}` }) as Redis),
    );
    await Promise.all(connections.map(({ redis }) => ready(redis)));
  });
  afterAll(async () => {
    admin.disconnect();
    for (const { redis } of connections) redis.disconnect();
    await store[Symbol.asyncDispose]();
  });

  async function play(sequence: Step[], bug?: PlantedBug): Promise<string[]> {
    await admin.flushall();
    const world = createWorld(connections, bug);
    for (const next of sequence) {
      if (next.do === 'change') await world.change(next.tag);
      else if (next.do === 'read') world.read(next.origin, next.tag);
      else if (next.do === 'wait') world.wait(next.ms);
      else if (next.do === 'hold' || next.do === 'let go') world.hold(next.do === 'hold');
      else if (next.do === 'flush') await admin.flushall();
      // Reads go on at their own pace; a turn of the loop lets them meet the next step halfway.
      await admin.ping();
    }
    return world.judge();
  }

  test('under random reads, changes, held fills and an emptied Redis', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        expect(await play(sequence)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test.each<PlantedBug>(['no floor check', 'clock stands still'])(
    'a fence with the planted bug "%s" is found out',
    async (bug) => {
      const found = await fc.check(
        fc.asyncProperty(steps, async (sequence) => (await play(sequence, bug)).length === 0),
        { numRuns: 300 },
      );
      expect(found.failed).toBe(true);
    },
  );
});

describe('a Redis that comes back with older data', () => {
  /** A change is done, Redis dies, and comes back with floor and entry from before the change. */
  async function readAfterReturn(bug?: PlantedBug): Promise<string[]> {
    await using first = await startRedis({ appendonly: 'no' });
    const admin = new Redis(first.url).on('error', () => undefined);
    const redis = connectRedis({ urls: [first.url], name: 'origin' }) as Redis;
    await ready(redis);
    const world = createWorld([connectionOf(redis), connectionOf(redis)], bug);
    await world.change('product:1');
    world.read(1, 'product:1');
    await world.judge();
    await admin.save();
    await world.change('product:1');
    process.kill(first.pid, 'SIGKILL');
    await using _again = await first.restart();
    await ready(redis);
    world.wait(1_000);
    world.read(1, 'product:1');
    const stale = await world.judge();
    admin.disconnect();
    redis.disconnect();
    return stale;
  }

  test('makes its floors unknown, not old', async () => {
    expect(await readAfterReturn()).toEqual([]);
  });

  test('would serve the old version if any run id were believed', async () => {
    expect(await readAfterReturn('any run id')).not.toEqual([]);
  });
});

/** Connected, and the server's run id learnt. */
async function ready(redis: Redis): Promise<void> {
  await vi.waitFor(() => redis.ping(), { timeout: 10_000, interval: 10 });
  await redis.info('server');
}
