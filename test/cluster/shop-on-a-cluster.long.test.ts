// The whole shop on a real cluster while one shard loses its primary.
// Acknowledged writes are kept, and changes that were done stay visible.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { drainJournals } from '../../origin/cart/server/journal-drain.ts';
import { kill, startMigratedPostgres } from '../cart/support/faulty-stores.ts';
import { type Browser, openShop, type Shop } from '../support/shop.ts';
import type { PrivateStore } from '../support/stores.ts';
import { leads, type RedisCluster, startRedisCluster } from './support/redis-cluster.ts';

const patience = { timeout: 120_000, interval: 200 };
const shoppers = 24;

let cluster: RedisCluster;
let postgres: PrivateStore;
let shop: Shop;

beforeAll(async () => {
  cluster = await startRedisCluster();
  postgres = await startMigratedPostgres();
  const env = { REDIS_URL: cluster.urls.join(','), REDIS_REPLICAS: '1', DATABASE_URL: postgres.url };
  shop = await vi.waitFor(() => openShop({ worker: true, env }), patience);
}, 240_000);
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

describe('a shop on a cluster', () => {
  test('A shop on a cluster loses no acknowledged piece when a shard loses its primary while Postgres is away', async () => {
    const browsers = Array.from({ length: shoppers }, () => shop.browser());
    const variant = shop.variants[0]!.id;
    const everybodyAdds = () => Promise.all(browsers.map((browser) => addUntilTaken(browser, variant)));
    await everybodyAdds();

    kill(postgres);
    expect(await everybodyAdds()).toEqual(Array(shoppers).fill('journal'));

    const [shard] = cluster.shards;
    await cluster.kill(shard!.primary);
    // Each add is acknowledged at once, or when its shard has a primary and a replica again, but never on one node
    // alone.
    const adding = everybodyAdds();
    await expect.poll(() => leads(shard!.replica, 0), patience).toBe(true);
    await cluster.restart(shard!.primary);
    expect(await adding).toEqual(Array(shoppers).fill('journal'));

    postgres = await postgres.restart();
    for (const browser of browsers) {
      await expect.poll(() => piecesOf(browser, variant), patience).toBe(3);
    }
    await expect
      .poll(async () => {
        await drainJournals(shop.deps);
        return countInPostgres(variant);
      }, patience)
      .toBe(shoppers * 3);
  }, 400_000);

  test('A shop on a cluster shows nothing older than a finished change while another shard fails over', async () => {
    const staff = await shop.staff();
    const product = `/api/products/${shop.slug}`;
    const { id } = (await staff.get(product)).body as { id: string };
    const shard = cluster.shardOf(`floor:{product:${id}}`);
    const primary = (await leads(shard.primary, 0)) ? shard.primary : shard.replica;
    const follower = primary === shard.primary ? shard.replica : shard.primary;
    await expect.poll(() => leads(primary, 1), patience).toBe(true);

    let done = 0;
    let reading = true;
    const stale: string[] = [];
    let reads = 0;
    const readOn = async () => {
      while (reading) {
        const least = done;
        const { status, body } = await shop.browser().get(product);
        if (status !== 200) continue;
        reads += 1;
        if (body.price.amount < least) stale.push(`${body.price.amount} after ${least} was done`);
      }
    };
    const readers = [readOn(), readOn()];
    for (let amount = 10_001; amount <= 10_012; amount++) {
      if (amount === 10_004) await cluster.kill(primary);
      const price = { amount, currency: 'EUR' };
      const { body } = await staff.patch(`/api/staff/products/${id}`, { price });
      await expect
        .poll(
          async () => (await staff.get(`/api/staff/invalidations/${body.invalidation.id}`)).body.state,
          patience,
        )
        .toBe('done');
      done = amount;
      if (amount === 10_008) await cluster.restart(primary);
    }
    expect(await leads(follower, 0)).toBe(true);
    reading = false;
    await Promise.all(readers);
    expect(stale).toEqual([]);
    expect(reads).toBeGreaterThan(100);
  }, 400_000);

  test('A shop on a cluster works its queues again after a failover, so that the next change is done', async () => {
    const staff = await shop.staff();
    const { id } = (await staff.get(`/api/products/${shop.slug}`)).body as { id: string };
    const { body } = await staff.patch(`/api/staff/products/${id}`, { name: 'A tee of the cluster' });
    await expect
      .poll(
        async () => (await staff.get(`/api/staff/invalidations/${body.invalidation.id}`)).body.state,
        patience,
      )
      .toBe('done');
  });
});

/** Repeats a request while the answer is 503, as a browser's retry does. @returns how it was stored */
async function addUntilTaken(browser: Browser, variantId: string): Promise<string> {
  const key = randomUUID();
  let durability = '';
  await expect
    .poll(async () => {
      const { status, body } = await browser.add(variantId, 1, key);
      if (status === 200) durability = body.durability;
      return status;
    }, patience)
    .toBe(200);
  return durability;
}

async function piecesOf(browser: Browser, variantId: string): Promise<number> {
  const { status, body } = await browser.get('/api/cart');
  if (status !== 200 || body.incomplete) return -1;
  const line = body.lines.find((one: { variantId: string }) => one.variantId === variantId);
  return line?.quantity ?? 0;
}

async function countInPostgres(variantId: string): Promise<number> {
  const carts = await shop.deps.db.selectFrom('carts').select('lines').execute();
  const lines = carts.flatMap((cart) => cart.lines).filter((line) => line.variantId === variantId);
  return lines.reduce((sum, line) => sum + line.quantity, 0);
}
