// A guest's pieces reach the account once, and an order takes a cart's lines once, even if something arrives late.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readAccountCartLines } from '../../origin/cart/account-cart.ts';
import { checkOrderable } from '../../origin/cart/check-operation.ts';
import { journalKey } from '../../origin/cart/server/copy-scripts.ts';
import { createCartJournal } from '../../origin/cart/server/journal.ts';
import { drainJournals } from '../../origin/cart/server/journal-drain.ts';
import type { StoreWatch } from '../../origin/cart/server/store-watch.ts';
import { createDatabase, sharedRedisUrl, type TestDatabase } from '../support/stores.ts';
import { Browser, type CartWorld, openCartWorld, pieces } from './support/cart-world.ts';

let database: TestDatabase;
let world: CartWorld;

beforeAll(async () => {
  database = await createDatabase();
  world = await openCartWorld({ databaseUrl: database.url, redisUrl: sharedRedisUrl() });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

async function signIn(browser: Browser, accountId: string, times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const merge = await world.carts.prepareMerge({ cookieHeader: browser.cookie }, accountId);
    await world.db.transaction().execute((tx) => merge.mergeInto(tx, accountId));
    if (time === times - 1) {
      browser.keep(await merge.afterCommit());
      browser.accountId = accountId;
    }
  }
}

const anOrder = () => ({ opId: randomUUID(), fingerprint: randomUUID() });

async function order(browser: Browser) {
  const checkout = await world.carts.prepareCheckout(browser.request);
  const lines = await world.db.transaction().execute(async (tx) => {
    const frozen = await checkout.freeze(tx, anOrder());
    checkOrderable(frozen);
    await checkout.endGeneration(tx);
    return frozen;
  });
  browser.keep(await checkout.afterCommit());
  return pieces({ lines });
}

const alwaysHere: StoreWatch = {
  isAway: () => false,
  unanswered: () => undefined,
  whenAway: () => () => undefined,
  close: () => undefined,
};

/** Journals an operation, as if Postgres had been away when the request came. */
async function journalFor(
  browser: Browser,
  kind: 'add' | 'set',
  variantId: string,
  quantity: number,
  opId: string = randomUUID(),
) {
  const [, cartId = '', version] = browser.cookie!.split('.');
  const operation = { opId, kind, variantId, quantity, fingerprint: randomUUID() };
  const journal = createCartJournal(world.redis, { replicas: 0, watch: alwaysHere });
  await world.redis.config('SET', 'appendonly', 'yes');
  await journal.append({ cartId, operation, madeOn: Number(version) });
}

test('sign-in adds the guest’s pieces once, also when it is tried twice, and the old cookie counts as absent', async () => {
  const [variant = '', other = ''] = world.variants;
  const account = world.browser('100');
  await account.add(variant, 2);
  const guest = world.browser();
  await guest.add(variant, 3);
  await guest.add(other);
  const oldCookie = guest.cookie;
  await signIn(guest, '100', 2);
  expect(pieces(await guest.view())).toEqual({ [variant]: 5, [other]: 1 });
  expect(pieces(await account.view())).toEqual({ [variant]: 5, [other]: 1 });

  const late = world.browser();
  late.cookie = oldCookie;
  expect((await late.view()).lines).toEqual([]);
  late.cookie = oldCookie;
  expect(pieces(await late.add(variant))).toEqual({ [variant]: 1 });
  expect(late.cookie).not.toBe(oldCookie);
  expect(pieces(await account.view())).toEqual({ [variant]: 5, [other]: 1 });
});

test('sign-up makes the guest’s cart the account’s, and sign-out leaves it there', async () => {
  const [variant = ''] = world.variants;
  const guest = world.browser();
  await guest.add(variant, 2);
  const merge = await world.carts.prepareMerge(guest.request, undefined);
  await world.db.transaction().execute((tx) => merge.mergeInto(tx, '101'));
  guest.keep(await merge.afterCommit());
  guest.accountId = '101';
  expect(pieces(await guest.view())).toEqual({ [variant]: 2 });
  guest.keep(await world.carts.leaveWithAccount(guest.request));
  guest.accountId = undefined;
  expect((await guest.view()).lines).toEqual([]);
  expect(await readAccountCartLines(world.db, '101')).toEqual([{ variantId: variant, quantity: 2 }]);
});

test('sign-in takes both journals along', async () => {
  const [variant = ''] = world.variants;
  const account = world.browser('102');
  await account.add(variant, 1);
  await journalFor(account, 'add', variant, 10);
  const guest = world.browser();
  await guest.add(variant, 2);
  await journalFor(guest, 'add', variant, 20);
  await signIn(guest, '102');
  expect(pieces(await guest.view())).toEqual({ [variant]: 33 });
  await drainJournals(world.deps);
  expect(pieces(await account.view())).toEqual({ [variant]: 33 });
});

test('late operations of a guest’s cart reach the account’s cart once, and remove nothing there', async () => {
  const [variant = '', other = ''] = world.variants;
  const guest = world.browser();
  await guest.add(variant, 2);
  const before = new Browser(world.carts);
  before.cookie = guest.cookie;
  await signIn(guest, '103');
  await journalFor(before, 'add', variant, 3);
  await journalFor(before, 'set', other, 4);
  await journalFor(before, 'set', variant, 1);
  await drainJournals(world.deps);
  await drainJournals(world.deps);
  expect(pieces(await guest.view())).toEqual({ [variant]: 5, [other]: 4 });
});

test('a guest’s cookie that crossed the sign-in on its way brings its pieces along', async () => {
  const [variant = ''] = world.variants;
  const guest = world.browser();
  await guest.add(variant, 1);
  const crossing = world.browser();
  await crossing.add(variant, 6);
  await signIn(guest, '104');
  guest.cookie = crossing.cookie;
  expect(pieces(await guest.view())).toEqual({ [variant]: 7 });
  expect(pieces(await guest.view())).toEqual({ [variant]: 7 });
});

test('a signed-in shopper finds the cart on another device and without a cookie', async () => {
  const [variant = ''] = world.variants;
  const phone = world.browser('105');
  await phone.add(variant, 1);
  const laptop = world.browser('105');
  expect(pieces(await laptop.add(variant, 1))).toEqual({ [variant]: 2 });
  expect(pieces(await phone.view())).toEqual({ [variant]: 2 });
});

test('an order takes the lines and the journal, and later operations belong to the next', async () => {
  const [variant = '', other = ''] = world.variants;
  const shopper = world.browser();
  await shopper.add(variant, 2);
  await journalFor(shopper, 'add', variant, 3);
  const key = randomUUID();
  await shopper.add(other, 1, key);
  expect(await order(shopper)).toEqual({ [variant]: 5, [other]: 1 });
  expect((await shopper.view()).lines).toEqual([]);
  // An operation that is already part of the order has no effect when it is repeated.
  expect((await shopper.add(other, 1, key)).lines).toEqual([]);
  expect(pieces(await shopper.add(variant))).toEqual({ [variant]: 1 });
  await expect(order(world.browser())).rejects.toMatchObject({ status: 409, code: 'cart-empty' });
});

test('a refused order leaves cart and journal as they were', async () => {
  const [variant = ''] = world.variants;
  const shopper = world.browser();
  await shopper.add(variant, 2);
  await journalFor(shopper, 'add', variant, 3);
  const checkout = await world.carts.prepareCheckout(shopper.request);
  const refused = world.db.transaction().execute(async (tx) => {
    await checkout.freeze(tx, anOrder());
    await checkout.endGeneration(tx);
    throw new Error('out of stock');
  });
  await expect(refused).rejects.toThrow('out of stock');
  expect(pieces(await shopper.view())).toEqual({ [variant]: 5 });
  expect(pieces(await shopper.add(variant))).toEqual({ [variant]: 6 });
});

test('a write waits while an order holds its cart, and belongs to the next', async () => {
  const [variant = ''] = world.variants;
  const shopper = world.browser();
  await shopper.add(variant, 2);
  const tab = world.browser();
  tab.cookie = shopper.cookie;
  const checkout = await world.carts.prepareCheckout(shopper.request);
  let adding: Promise<unknown> | undefined;
  const frozen = await world.db.transaction().execute(async (tx) => {
    const lines = await checkout.freeze(tx, anOrder());
    adding = tab.add(variant);
    // The waiting cart does not delay others.
    await world.browser().add(variant);
    await checkout.endGeneration(tx);
    return lines;
  });
  await checkout.afterCommit();
  expect(pieces({ lines: frozen })).toEqual({ [variant]: 2 });
  await adding;
  expect(pieces(await tab.view())).toEqual({ [variant]: 1 });
});

test('replay and merge may exceed the limits, and checkout asks to reduce', async () => {
  const [variant = ''] = world.variants;
  const shopper = world.browser();
  await shopper.add(variant, 99);
  await journalFor(shopper, 'add', variant, 5);
  await drainJournals(world.deps);
  expect(pieces(await shopper.view())).toEqual({ [variant]: 104 });
  await expect(order(shopper)).rejects.toMatchObject({ status: 422, code: 'cart-over-limit' });
  await shopper.set(variant, 98);
  expect(await order(shopper)).toEqual({ [variant]: 98 });
});

test('an operation that was journalled under a stray guest’s cookie counts once when it is sent again with the same cookies', async () => {
  const [variant = ''] = world.variants;
  await world.browser('120').add(variant, 5);
  const stray = world.browser();
  await stray.add(variant, 1);
  const [, cartId = ''] = stray.cookie!.split('.');
  const key = randomUUID();
  // Its first try was made while Postgres was away, and the answer was lost.
  const first = new Browser(world.carts);
  first.cookie = stray.cookie;
  await first.add(variant, 2, key);
  stray.accountId = '120';
  expect(cartId).not.toBe('');
  expect(pieces(await stray.add(variant, 2, key))).toEqual({ [variant]: 8 });
  await expect(
    Object.assign(new Browser(world.carts), { cookie: first.cookie, accountId: '120' }).add(variant, 9, key),
  ).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  expect(pieces(await world.browser('120').view())).toEqual({ [variant]: 8 });
});

test('a late set counts by what the account lacks, also behind an operation that came before', async () => {
  const [variant = ''] = world.variants;
  const guest = world.browser();
  const before = new Browser(world.carts);
  const key = randomUUID();
  await guest.add(variant, 2, key);
  before.cookie = guest.cookie;
  await signIn(guest, '121');
  // The add again, as a journal holds it whose commit was uncertain, and a set that came after it.
  await journalFor(before, 'add', variant, 2, key);
  await journalFor(before, 'set', variant, 3);
  await drainJournals(world.deps);
  expect(pieces(await guest.view())).toEqual({ [variant]: 3 });
});

test('a cart that cannot be drained does not stop the draining of others', async () => {
  const [variant = ''] = world.variants;
  const shoppers = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const shopper = world.browser();
      await shopper.add(variant, 1);
      await journalFor(shopper, 'add', variant, 2);
      return shopper;
    }),
  );
  const cartIds = shoppers.map((shopper) => shopper.cookie!.split('.')[1]!);
  await world.redis.hset(journalKey(cartIds[3]!), 'broken', '99 0 {');
  await drainJournals(world.deps);
  const rows = await world.db
    .selectFrom('carts')
    .select(['id', 'lines'])
    .where('id', 'in', cartIds)
    .execute();
  const undrained = rows.filter(({ lines }) => lines[0]!.quantity !== 3).map(({ id }) => id);
  expect(undrained).toEqual([cartIds[3]]);
  await world.redis.hdel(journalKey(cartIds[3]!), 'broken');
  expect((await drainJournals(world.deps)).left).toBe(0);
});
