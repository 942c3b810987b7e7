import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createEntryStore } from '../../origin/cache/entry-store.ts';
import { createFencedCache, type FencedCache } from '../../origin/cache/fenced-cache.ts';
import type { FillSources } from '../../origin/cache/load-entry.ts';
import { changeProduct } from '../../origin/catalog/change/change-product.ts';
import { readProduct } from '../../origin/catalog/read-product.ts';
import { createRedisRoom, roomForEntries } from '../../origin/redis/servers.ts';
import { openReplicatedShop, type ReplicatedShop } from './replicated-shop.ts';

let world: ReplicatedShop;
beforeAll(async () => {
  world = await openReplicatedShop();
  await world.shop.browser().get('/api/categories');
  await world.fit(2);
});
afterEach(async () => {
  await Promise.all(world.postgres.replicas.map((replica) => world.postgres.resume(replica)));
  await world.everyoneCaughtUp();
});
afterAll(() => world[Symbol.asyncDispose]());

let price = 3_000;
/** Commits another price and raises the floors, as a change that is done has. @returns the price */
async function changePrice(): Promise<number> {
  const { deps } = world.shop;
  const amount = ++price;
  const product = await deps.db
    .selectFrom('products')
    .select('id')
    .where('slug', '=', 'plain-tee')
    .executeTakeFirst();
  const { tags } = await deps.db
    .transaction()
    .execute((tx) => changeProduct(tx, product!.id, { price: { amount, currency: 'EUR' } }));
  await deps.floors.raise(tags);
  return amount;
}
const pauseAll = () => Promise.all(world.postgres.replicas.map((replica) => world.postgres.pause(replica)));

/** Of a cache of its own, so that only Redis could know. */
function openCache(sources: FillSources): FencedCache {
  const { deps } = world.shop;
  return createFencedCache({
    db: deps.db,
    sources,
    floors: deps.floors,
    entries: createEntryStore(deps.redis, createRedisRoom(deps.redis, roomForEntries)),
    l1Bytes: 1_000_000,
  });
}

async function readPrice(cache: FencedCache, key: string): Promise<number | undefined> {
  const { value } = await cache.read({ key, fromReplicas: true, fill: (db) => readProduct(db, 'plain-tee') });
  return value?.price.amount;
}

describe('a replica that lags', () => {
  test('never fills a cache with what is below the floor: the primary does', async () => {
    const { reads } = world.shop.deps;
    await pauseAll();
    const amount = await changePrice();
    const before = await world.metric('read_fallbacks_total', { reason: 'below floor' });
    expect(await readPrice(openCache(reads), 'lagging')).toBe(amount);
    expect(await world.metric('read_fallbacks_total', { reason: 'below floor' })).toBe(before + 1);
    // Stored, and not the old one: another origin's cache finds it in Redis.
    const unused: FillSources = {
      ...reads,
      fromReplica: unexpected,
      fromPrimary: unexpected,
      current: unexpected,
    };
    expect(await readPrice(openCache(unused), 'lagging')).toBe(amount);
  });

  test('would, if its rows were not compared with the floors: that planted bug is found', async () => {
    const { reads } = world.shop.deps;
    await pauseAll();
    const amount = await changePrice();
    // Takes a replica's rows for the primary's.
    const uncompared: FillSources = {
      ...reads,
      fromReplica: async () => undefined,
      fromPrimary: async (fill) => (await reads.fromReplica(fill))!.value,
    };
    expect(await readPrice(openCache(uncompared), 'uncompared')).toBeLessThan(amount);
  });

  test('answers nobody while the floors cannot be read and it is behind the primary', async () => {
    await pauseAll();
    const amount = await changePrice();
    const found = await world.shop.deps.reads.current((db) => readProduct(db, 'plain-tee'));
    expect(found.value.value?.price.amount).toBe(amount);
  });

  test('fills again once it has caught up', async () => {
    const amount = await changePrice();
    await world.everyoneCaughtUp();
    const before = await world.metric('reads_total', { source: 'primary' });
    expect(await readPrice(openCache(world.shop.deps.reads), 'caught-up')).toBe(amount);
    expect(await world.metric('reads_total', { source: 'primary' })).toBe(before);
  });
});

describe('browsing', () => {
  const paths = (count: number, round: string) =>
    Array.from(
      { length: count },
      (_, index) => `/api/products?limit=${(index % 90) + 1}&max=${round}${index}`,
    );
  const primaryReads = () => world.metric('reads_total', { source: 'primary' });

  async function browse(all: string[]): Promise<void> {
    const { app } = world.shop;
    for (let at = 0; at < all.length; at += 8) {
      const answers = await Promise.all(all.slice(at, at + 8).map((path) => app.request(path)));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    }
  }

  test('asks the primary for less than 1 of 100 pages while caches are warm', async () => {
    const some = paths(20, '9');
    await world.everyoneCaughtUp();
    await browse(some);
    const before = await primaryReads();
    for (let round = 0; round < 10; round++) await browse(some);
    expect((await primaryReads()) - before).toBeLessThan(0.01 * 200);
  });

  test('asks the primary for less than 1 of 10 pages while Redis is lost', async () => {
    const { shop } = world;
    process.kill(shop.redis.pid, 'SIGKILL');
    const cacheStatus = async () =>
      (await shop.browser().get('/api/products?max=77')).headers.get('Cache-Status');
    await expect.poll(cacheStatus).toBe('origin; fwd=bypass');
    const before = await primaryReads();
    await browse(paths(200, '8'));
    expect((await primaryReads()) - before).toBeLessThan(0.1 * 200);
  });
});

async function unexpected(): Promise<never> {
  throw new Error('Postgres was asked for what Redis had');
}
