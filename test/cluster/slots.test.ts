import { randomUUID } from 'node:crypto';
import calculateSlot from 'cluster-key-slot';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { createEntryStore } from '../../origin/cache/entry-store.ts';
import { createCartCopies } from '../../origin/cart/server/cart-copies.ts';
import {
  copyKey,
  journalIndexKey,
  journalIndexKeys,
  journalKey,
} from '../../origin/cart/server/copy-scripts.ts';
import type { StoreWatch } from '../../origin/cart/server/store-watch.ts';
import { createFloors } from '../../origin/invalidation/floors.ts';
import { connectRedis } from '../../origin/redis/connect.ts';
import { queuePrefix } from '../../worker/queues.ts';
import { sharedRedisUrl } from '../support/stores.ts';

/** Records the keys of every script that runs. */
function recordScripts(redis: Redis): string[][] {
  const calls: string[][] = [];
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    const [, count, ...rest] = command.args.map(String);
    if (/^eval/i.test(command.name)) calls.push(rest.slice(0, Number(count)));
    return send(command, stream);
  };
  return calls;
}

const inOneSlot = (keys: string[]) => new Set(keys.map((key) => calculateSlot(key))).size === 1;

describe('in a cluster', () => {
  test('The keys of each script are in one slot of a cluster, whatever the cache keys are', async () => {
    const redis = connectRedis({ urls: [sharedRedisUrl()], name: 'slots', commandTimeoutMs: 5_000 }) as Redis;
    await new Promise((resolve) => redis.once('ready', resolve));
    const calls = recordScripts(redis);
    const readers = [async (_db: unknown, tags: string[]) => Object.fromEntries(tags.map((tag) => [tag, 1]))];
    const floors = createFloors({ redis, db: undefined as never, readers });
    const entries = createEntryStore(redis, { isLeft: async () => true });
    const watch = { isAway: () => false, unanswered: () => undefined } as StoreWatch;
    const copies = createCartCopies(redis, watch, { isLeft: async () => true });
    await expect.poll(() => floors.check({ [`product:${randomUUID()}`]: 1 }).catch(() => '')).toBe('above');
    await floors.raise({ [`stock:${randomUUID()}`]: 2, [`category:${randomUUID()}`]: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.string({ maxLength: 20, unit: fc.constantFrom('a', '{', '}', ':', 'é') }),
        async (text) => {
          const key = `list:${randomUUID()}${text}`;
          const token = await entries.lease(key);
          expect(
            await entries.store(key, token!, { tags: { catalog: 1 }, bytes: Buffer.from('{}') }, 5),
          ).toBe(true);
          const cart = await copies.read(randomUUID());
          expect(cart?.journal).toEqual([]);
        },
      ),
      { numRuns: 50 },
    );
    redis.disconnect();
    expect(calls.length).toBeGreaterThan(100);
    expect(calls.filter((keys) => !inOneSlot(keys))).toEqual([]);
  });

  test('Copy, journal and index of a cart are in one slot of a cluster, and the worker reads every index', () => {
    fc.assert(
      fc.property(fc.uuid(), (cartId) => {
        expect(inOneSlot([copyKey(cartId), journalKey(cartId), journalIndexKey(cartId)])).toBe(true);
        expect(journalIndexKeys).toContain(journalIndexKey(cartId));
      }),
    );
  });

  test('The indexes are spread so that no shard of five has more than twice its share', () => {
    const shards = [0, 0, 0, 0, 0];
    for (const key of journalIndexKeys) shards[Math.floor((calculateSlot(key) * 5) / 16_384)]! += 1;
    expect(Math.max(...shards)).toBeLessThan((2 * journalIndexKeys.length) / 5);
  });

  test('All keys of the queues are in one slot of a cluster', () => {
    expect(queuePrefix).toMatch(/^\{.+\}$/);
  });
});
