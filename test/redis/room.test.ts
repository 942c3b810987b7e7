// A real Redis with little memory is filled step by step. What can be read again stops first, and what must not be
// lost never stops.
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRedisRoom, roomForCopies, roomForEntries } from '../../origin/redis/servers.ts';
import { openCartWorld, pieces } from '../cart/support/cart-world.ts';
import { createDatabase, type PrivateStore, startRedis } from '../support/stores.ts';

const megabytes = 100;
let store: PrivateStore;
let redis: Redis;

beforeAll(async () => {
  store = await startRedis({ maxmemory: `${megabytes}mb`, 'maxmemory-policy': 'noeviction' });
  redis = new Redis(store.url);
});
afterAll(async () => {
  redis.disconnect();
  await store[Symbol.asyncDispose]();
});

/** Fills in small steps, because a value takes its room twice while it is sent. */
async function fillTo(share: number) {
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1]);
  for (let i = 0; (await used()) < share * megabytes * 1024 * 1024; i += 1) {
    await redis.set(`ballast-${share}-${i}`, Buffer.alloc(512 * 1024));
  }
}

const rooms = async () => ({
  entries: await createRedisRoom(redis, roomForEntries).isLeft(),
  copies: await createRedisRoom(redis, roomForCopies).isLeft(),
});

test('pages stop at three fifths, copies of carts at three quarters, and carts are written all the same', async () => {
  expect(await rooms()).toEqual({ entries: true, copies: true });
  await fillTo(0.67);
  expect(await rooms()).toEqual({ entries: false, copies: true });
  await fillTo(0.8);
  expect(await rooms()).toEqual({ entries: false, copies: false });

  await using database = await createDatabase();
  await using world = await openCartWorld({ databaseUrl: database.url, redisUrl: store.url });
  const [variant = ''] = world.variants;
  const browser = world.browser();
  await browser.add(variant, 2);
  expect(pieces(await browser.view())).toEqual({ [variant]: 2 });
  expect(await redis.keys('cart:*:copy')).toEqual([]);
});
