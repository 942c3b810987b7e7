// Leases are not left lying: who has nothing to store gives an entry's back, and who holds a floor's settles it. Those
// who come next must not wait for what never arrives.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { createEntryStore } from '../../origin/cache/entry-store.ts';
import { createFencedCache } from '../../origin/cache/fenced-cache.ts';
import { createFloors, type FloorCheck, type TagVersionReader } from '../../origin/invalidation/floors.ts';
import { connectRedis } from '../../origin/redis/connect.ts';
import type { Db } from '../../origin/schema.ts';
import { sharedRedisUrl } from '../support/stores.ts';

/** Reads what no cache has, by floors that say `verdict` of every value; then nobody may hold the lease any longer. */
async function givesBackItsLease(verdict: FloorCheck, value: () => Promise<number>): Promise<void> {
  const redis = connectRedis({ urls: [sharedRedisUrl()], name: 'origin' }) as Redis;
  const key = randomUUID();
  const isLeased = () => redis.exists(`entry-lease:{${key}}`);
  try {
    await vi.waitFor(() => expect(redis.status).toBe('ready'), { timeout: 5_000 });
    const db = undefined as unknown as Db;
    const floors = { ...createFloors({ redis, db, readers: [] }), check: async () => verdict };
    const entries = createEntryStore(redis, { isLeft: async () => true });
    const cache = createFencedCache({ db, floors, entries, l1Bytes: 1_000_000 });
    let leasedMeanwhile = 0;
    const fill = async () => {
      leasedMeanwhile = await isLeased();
      return { value: await value(), tags: { 'product:1': 1 } };
    };
    await cache.read({ key, fill }).catch(() => undefined);
    expect(leasedMeanwhile).toBe(1);
    await vi.waitFor(async () => expect(await isLeased()).toBe(0), { timeout: 2_000 });
  } finally {
    redis.disconnect();
  }
}

test('a floor that was leased is settled, also while another of the same entry is leased by somebody else', async () => {
  const redis = connectRedis({ urls: [sharedRedisUrl()], name: 'origin' }) as Redis;
  try {
    await vi.waitFor(() => expect(redis.status).toBe('ready'), { timeout: 5_000 });
    const [taken, free] = [`product:${randomUUID()}`, `product:${randomUUID()}`];
    const readers: TagVersionReader[] = [
      async (_db, tags) => Object.fromEntries(tags.map((tag) => [tag, 1])),
    ];
    const floors = createFloors({ redis, db: undefined as unknown as Db, readers });
    await vi.waitFor(async () => expect(await floors.check({ [free.slice(0, -1)]: 1 })).toBe('above'));
    await redis.set(`floor-lease:{${taken}}`, 'somebody else', 'PX', 10_000);
    expect(await floors.check({ [taken]: 1, [free]: 1 })).toBe('unreadable');
    expect(await floors.check({ [free]: 1 })).toBe('above');
  } finally {
    redis.disconnect();
  }
});

test.each<FloorCheck>(['above', 'below', 'unreadable'])('after a fill whose floors are %s', (verdict) =>
  givesBackItsLease(verdict, async () => 1),
);

test('after a fill that failed', () =>
  givesBackItsLease('above', () => Promise.reject(new Error('no such row'))));
