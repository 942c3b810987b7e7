// After a restore no origin and no edge shows what the database lost, although lost rows had higher versions. A cache
// without the lineage would show it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { backupCommand } from '../../ops-scripts/backup/command.ts';
import { createApp } from '../../origin/app.ts';
import { createEntryStore } from '../../origin/cache/entry-store.ts';
import { createFencedCache } from '../../origin/cache/fenced-cache.ts';
import { createCarts } from '../../origin/cart/create-carts.ts';
import { createDeps } from '../../origin/deps.ts';
import { createFloors } from '../../origin/invalidation/floors.ts';
import { createLog } from '../../origin/log.ts';
import { versionReaders } from '../../origin/version-readers.ts';
import { Health } from '../../origin/web/serving/health.ts';
import { type FrontedShop, openFrontedShop } from '../edge/support/fronted-shop.ts';
import { Browser, type Json } from '../support/shop.ts';

/** The edge and the worker must use the same lease. An edge with a longer one would serve for too long. */
const leaseSeconds = 3;
let fronted: FrontedShop;
let second: Browser;
let folder: string;
const standing = new AsyncDisposableStack();

beforeAll(async () => {
  fronted = standing.use(await openFrontedShop(leaseSeconds));
  const { settings } = fronted.shop.deps;
  const deps = standing.use(createDeps(settings, createLog(settings, 'test'), { versionReaders }));
  const carts = createCarts(deps);
  standing.defer(() => carts.close());
  const health = new Health();
  health.markReady();
  second = new Browser(createApp(deps, carts, health));
  folder = await mkdtemp(join(tmpdir(), 'myclothes-restored-'));
  standing.defer(() => rm(folder, { recursive: true, force: true }));
});
afterAll(() => standing.disposeAsync());

async function backup(...args: string[]): Promise<Json> {
  const said = vi.spyOn(console, 'log').mockReturnValue();
  const { databaseUrl, redisUrls } = fronted.shop.deps.settings;
  const env = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrls[0]!,
    DATA_DIR: folder,
    EDGE_LEASE_SECONDS: String(leaseSeconds),
  };
  await backupCommand({ ...env, BACKUP_KEY: 'a-key-of-backups-with-32-letters-or-more' }).parseAsync(
    [...args, '--json'],
    { from: 'user' },
  );
  const line = String(said.mock.lastCall?.[0]);
  said.mockRestore();
  return JSON.parse(line);
}

/** Reads the price through each origin, as JSON and as a page, and through the edge. */
async function prices(): Promise<unknown[]> {
  const data = '/api/products/plain-tee';
  const first = fronted.shop.browser();
  const pages = await Promise.all(
    [first, second].map((each) => each.request('/p/plain-tee').then((page) => page.text())),
  );
  return [
    (await first.get(data)).body.price.amount,
    (await second.get(data)).body.price.amount,
    ((await (await fetch(fronted.url + data)).json()) as Json).price.amount,
    ...[...pages, await (await fetch(`${fronted.url}/p/plain-tee`)).text()].map((page) =>
      page.includes('€19.99') ? 1_999 : page,
    ),
  ];
}

/** A browser that uses both origins with the same cookies. */
function roamer(): { here: Browser; there: () => Browser } {
  const here = fronted.shop.browser();
  return {
    here,
    there() {
      second.cookies.clear();
      for (const [name, value] of here.cookies) second.cookies.set(name, value);
      return second;
    },
  };
}

test('What came after the backup is shown nowhere once the restore is reported done, twice', async () => {
  const { shop } = fronted;
  const [tee, other] = shop.variants;
  const guest = roamer();
  await guest.here.add(tee!.id);
  const owner = roamer();
  await owner.here.signUp('kept@example.com');
  const [{ file }] = [await backup('create')];
  for (let turn = 0; turn < 2; turn++) {
    const staff = await shop.staff();
    const { body: product } = await shop.browser().get('/api/products/plain-tee');
    for (const amount of [5, 4, 3])
      await staff.patch(
        `/api/staff/products/${product.id}`,
        { price: { amount, currency: 'EUR' } },
        { Prefer: 'wait=5' },
      );
    for (let more = 0; more < 3; more++) await guest.here.add(other!.id, 2);
    // The owner's cart is created after the backup.
    await owner.here.add(other!.id, 4);
    const late = shop.browser();
    await late.signUp('late@example.com');
    const order = await late.buy(tee!.id);
    expect((await prices()).slice(0, 3)).toEqual([3, 3, 3]);

    await backup('restore', file, '--yes');
    expect(await prices()).toEqual(Array(6).fill(1_999));
    for (const each of [guest.here, guest.there()]) {
      const { body } = await each.get('/api/cart');
      expect(body).toMatchObject({ count: 1, durability: 'committed' });
      expect(body).not.toHaveProperty('incomplete');
    }
    const { body: added } = await guest.here.add(other!.id, 2);
    expect(added.count).toBe(3);
    expect((await guest.there().get('/api/cart')).body).toEqual(added);
    expect((await owner.here.get('/api/cart')).body.count).toBe(0);
    // Another device of the account sees the same cart.
    await owner.here.add(other!.id, 5);
    const device = shop.browser();
    await device.post('/api/sessions', { email: 'kept@example.com', password: 'a-password-of-tests' });
    expect((await device.get('/api/cart')).body.count).toBe(5);
    expect((await late.get('/api/account')).status).toBe(401);
    expect((await late.get(`/api/orders/${order.id}`)).status).toBe(404);
    // No old cookie opens the next order, because ids are never given again.
    const next = await shop.browser().buy(tee!.id);
    expect(Number(next.id)).toBeGreaterThan(Number(order.id));
    expect((await late.get(`/api/orders/${next.id}`)).status).toBe(404);
  }
});

test('A cache that leaves the lineage out would show it', async () => {
  const { shop } = fronted;
  const { redis, db } = shop.deps;
  const floors = createFloors({ redis, db, readers: versionReaders });
  const entries = createEntryStore(redis, { isLeft: async () => true });
  const blind = createFencedCache({ db, floors, entries, l1Bytes: 1_000_000 });
  const keys = (await redis.keys('entry:{*')).map((key) => key.slice('entry:{'.length, -1));
  const key = keys.find((each) => /product/.test(each) && /plain-tee/.test(each));
  expect(key, keys.join(' ')).toBeDefined();
  const fill = async () => ({ value: '', tags: {} });
  const codec = { encode: () => Buffer.of(), decode: String, memoryFactor: 1 };
  expect(await blind.read({ key: key!, fill, codec })).toMatchObject({
    outcome: 'hit',
    tags: { 'product:1': 4 },
  });
});
