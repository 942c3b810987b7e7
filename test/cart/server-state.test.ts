import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { createDatabase, sharedRedisUrl } from '../support/stores.ts';
import { Browser, openCartWorld, pieces } from './support/cart-world.ts';

async function openWorld(variantCount?: number) {
  const database = await createDatabase();
  const world = await openCartWorld({
    databaseUrl: database.url,
    redisUrl: sharedRedisUrl(),
    ...(variantCount ? { variantCount } : {}),
  });
  return {
    ...world,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

test('ten tabs that add at once are each counted exactly once', async () => {
  await using world = await openWorld();
  const [first = '', second = ''] = world.variants;
  const shopper = world.browser();
  await shopper.add(first);
  const other = world.secondOrigin();
  const tabs = Array.from({ length: 10 }, (_, index) => {
    const tab = new Browser(index % 2 === 0 ? world.carts : other);
    tab.cookie = shopper.cookie;
    return tab;
  });
  await Promise.all(tabs.flatMap((tab) => [tab.add(first), tab.add(second, 2)]));
  expect(pieces(await shopper.view())).toEqual({ [first]: 11, [second]: 20 });
});

test('the same request a hundred times at once has one effect', async () => {
  await using world = await openWorld();
  const [variant = ''] = world.variants;
  const shopper = world.browser();
  await shopper.set(variant, 3);
  const key = randomUUID();
  const other = new Browser(world.secondOrigin());
  other.cookie = shopper.cookie;
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) => (index % 3 === 0 ? other : shopper).add(variant, 2, key)),
  );
  for (const cart of answers) expect(pieces(cart)).toEqual({ [variant]: 5 });
});

test('an op id that stands for another request is refused and changes nothing', async () => {
  await using world = await openWorld();
  const [variant = ''] = world.variants;
  const shopper = world.browser();
  const key = randomUUID();
  await shopper.add(variant, 1, key);
  await expect(shopper.add(variant, 2, key)).rejects.toMatchObject({
    status: 422,
    code: 'idempotency-key-reused',
  });
  expect(pieces(await shopper.view())).toEqual({ [variant]: 1 });
});

test('an impossible operation is refused alone, whatever is written in the same batch', async () => {
  await using world = await openWorld();
  const [variant = '', soldOut = ''] = world.variants;
  await world.db.updateTable('variants').set({ available: 0 }).where('id', '=', soldOut).execute();
  const shopper = world.browser();
  await shopper.add(variant, 60);
  const results = await Promise.allSettled([
    shopper.add(variant, 40),
    shopper.add('999999999'),
    shopper.add('not-an-id'),
    shopper.add(soldOut),
    shopper.set('999999999', 0),
    shopper.add(variant, 39),
  ]);
  expect(results.map((result) => (result.status === 'rejected' ? result.reason.code : 'ok'))).toEqual([
    'line-limit',
    'not-found',
    'not-found',
    'out-of-stock',
    'not-found',
    'ok',
  ]);
  expect(pieces(await shopper.view())).toEqual({ [variant]: 99 });
});

test('an operation that was applied keeps its answer after its variant sold out', async () => {
  await using world = await openWorld();
  const [variant = ''] = world.variants;
  const shopper = world.browser();
  await shopper.add(variant, 1);
  const key = randomUUID();
  await shopper.add(variant, 1, key);
  const later = await openCartWorld({
    databaseUrl: world.deps.settings.databaseUrl,
    redisUrl: sharedRedisUrl(),
  });
  await world.db.updateTable('variants').set({ available: 0 }).where('id', '=', variant).execute();
  const again = new Browser(later.carts);
  again.cookie = shopper.cookie;
  expect(pieces(await again.add(variant, 1, key))).toEqual({ [variant]: 2 });
  await later[Symbol.asyncDispose]();
});

test('a cart holds 200 lines and refuses the next', async () => {
  await using world = await openWorld(201);
  const shopper = world.browser();
  await shopper.add(world.variants[0]!);
  await Promise.all(world.variants.slice(1, 200).map((variant) => shopper.add(variant)));
  await expect(shopper.add(world.variants[200]!)).rejects.toMatchObject({ status: 422, code: 'cart-limit' });
  expect((await shopper.view()).lines).toHaveLength(200);
});

test('a line whose variant no longer exists is shown as such and can be removed', async () => {
  await using world = await openWorld();
  const [variant = '', kept = ''] = world.variants;
  const shopper = world.browser();
  await shopper.add(kept);
  await shopper.add(variant, 2);
  await world.db.deleteFrom('variants').where('id', '=', variant).execute();
  const later = await openCartWorld({
    databaseUrl: world.deps.settings.databaseUrl,
    redisUrl: sharedRedisUrl(),
  });
  shopper.carts = later.carts;
  const [, gone] = (await shopper.view()).lines;
  expect(gone).toMatchObject({ variantId: variant, quantity: 2, available: 0, lineTotal: { amount: 0 } });
  expect(pieces(await shopper.set(variant, 0))).toEqual({ [kept]: 1 });
  await later[Symbol.asyncDispose]();
});

test('a changed cookie is absent, and another account or guest never sees the cart', async () => {
  await using world = await openWorld();
  const [variant = ''] = world.variants;
  const owner = world.browser('7');
  await owner.add(variant);
  for (const accountId of [undefined, '8']) {
    const thief = new Browser(world.carts, accountId);
    thief.cookie = owner.cookie;
    expect((await thief.view()).lines).toEqual([]);
  }
  const forger = new Browser(world.carts);
  forger.cookie = owner.cookie?.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  expect((await forger.view()).lines).toEqual([]);
});
