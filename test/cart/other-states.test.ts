// The cart states `cookie` and `sticky`: each offers shoppers everything, within a limit of its own.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readAccountCartLines } from '../../origin/cart/account-cart.ts';
import {
  type CookieCart,
  decodeCart,
  encodeCart,
  fitsCookie,
  newCookieCart,
  operationMark,
  writeCookieCart,
} from '../../origin/cart/cookie/cart-in-cookie.ts';
import { createDatabase, sharedRedisUrl } from '../support/stores.ts';
import { Browser, openCartWorld, pieces } from './support/cart-world.ts';

const keys = ['a-key-of-the-tests-with-32-letters'];

describe.each(['cookie', 'sticky'] as const)('%s', (cartState) => {
  test('a shopper adds, sets, repeats, is refused, signs in, orders and signs out', async () => {
    await using database = await createDatabase();
    await using world = await openCartWorld({
      databaseUrl: database.url,
      redisUrl: sharedRedisUrl(),
      cartState,
    });
    const [variant = '', other = ''] = world.variants;
    const shopper = world.browser();
    const key = randomUUID();
    await shopper.add(variant, 2, key);
    expect(pieces(await shopper.add(variant, 2, key))).toEqual({ [variant]: 2 });
    await expect(shopper.add(variant, 3, key)).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    await expect(shopper.add(variant, 98)).rejects.toMatchObject({ code: 'line-limit' });
    await expect(shopper.add('424242')).rejects.toMatchObject({ status: 404 });
    await shopper.set(other, 4);
    const { durability, lines } = await shopper.view();
    expect(durability).toBe(cartState === 'cookie' ? 'client' : 'memory');
    expect(pieces({ lines })).toEqual({ [variant]: 2, [other]: 4 });

    const merge = await world.carts.prepareMerge(shopper.request, '200');
    await world.db.transaction().execute((tx) => merge.mergeInto(tx, '200'));
    shopper.keep(await merge.afterCommit());
    shopper.accountId = '200';
    expect(pieces(await shopper.view())).toEqual({ [variant]: 2, [other]: 4 });

    shopper.keep(await world.carts.leaveWithAccount(shopper.request));
    shopper.accountId = undefined;
    expect((await shopper.view()).lines).toEqual([]);

    await shopper.add(variant);
    const again = await world.carts.prepareMerge(shopper.request, '200');
    await world.db.transaction().execute((tx) => again.mergeInto(tx, '200'));
    shopper.keep(await again.afterCommit());
    shopper.accountId = '200';
    expect(pieces(await shopper.view())).toEqual({ [variant]: 3, [other]: 4 });

    const laterKey = randomUUID();
    await shopper.add(variant, 1, laterKey);
    const checkout = await world.carts.prepareCheckout(shopper.request);
    await world.db.transaction().execute(async (tx) => {
      const reused = checkout.freeze(tx, { opId: laterKey, fingerprint: 'of an order' });
      await expect(reused).rejects.toMatchObject({ code: 'idempotency-key-reused' });
      await checkout.freeze(tx, { opId: 'an-order', fingerprint: 'of an order' });
      await checkout.endGeneration(tx);
    });
    shopper.keep(await checkout.afterCommit());
    expect((await shopper.view()).lines).toEqual([]);
    await expect(shopper.add(variant, 1, 'an-order')).rejects.toMatchObject({
      code: 'idempotency-key-reused',
    });
  });
});

test('the same sign-in twice brings the pieces of a cookie once', async () => {
  await using database = await createDatabase();
  await using world = await openCartWorld({
    databaseUrl: database.url,
    redisUrl: sharedRedisUrl(),
    cartState: 'cookie',
  });
  const [variant = ''] = world.variants;
  const shopper = world.browser();
  await shopper.add(variant, 2);
  for (let time = 0; time < 2; time += 1) {
    const merge = await world.carts.prepareMerge(shopper.request, '201');
    await world.db.transaction().execute((tx) => merge.mergeInto(tx, '201'));
    if (time === 1) shopper.keep(await merge.afterCommit());
  }
  expect(pieces(await shopper.view())).toEqual({ [variant]: 2 });
});

describe('an account whose cart is kept in cookies', () => {
  const openCookieWorld = async () => {
    const standing = new AsyncDisposableStack();
    const database = standing.use(await createDatabase());
    const options = { databaseUrl: database.url, redisUrl: sharedRedisUrl(), cartState: 'cookie' as const };
    const world = standing.use(await openCartWorld(options));
    const signIn = async (browser: Browser, accountId: string) => {
      const merge = await world.carts.prepareMerge(browser.request, accountId);
      await world.db.transaction().execute((tx) => merge.mergeInto(tx, accountId));
      browser.keep(await merge.afterCommit());
      browser.accountId = accountId;
    };
    const signOut = async (browser: Browser) => {
      browser.keep(await world.carts.leaveWithAccount(browser.request));
      browser.accountId = undefined;
    };
    return { world, signIn, signOut, [Symbol.asyncDispose]: () => standing.disposeAsync() };
  };

  test('has its pieces once, however often the browser that holds them signs in', async () => {
    await using shop = await openCookieWorld();
    const [variant = ''] = shop.world.variants;
    const browser = shop.world.browser();
    await browser.add(variant, 2);
    await shop.signIn(browser, '301');
    // The session has ended elsewhere, but the browser still has the cart's cookie.
    browser.accountId = undefined;
    await browser.add(variant, 1);
    for (let time = 0; time < 2; time += 1) await shop.signIn(browser, '301');
    expect(pieces(await browser.view())).toEqual({ [variant]: 3 });
  });

  test('loses none where the answer to a sign-in was lost', async () => {
    await using shop = await openCookieWorld();
    const [saved = '', brought = ''] = shop.world.variants;
    const first = shop.world.browser();
    await first.add(saved);
    await shop.signIn(first, '302');
    await shop.signOut(first);

    const browser = shop.world.browser();
    await browser.add(brought);
    const unanswered = await shop.world.carts.prepareMerge(browser.request, '302');
    await shop.world.db.transaction().execute((tx) => unanswered.mergeInto(tx, '302'));
    // The same key again: the session exists already, and nothing is merged a second time.
    const again = await shop.world.carts.prepareMerge(browser.request, '302');
    browser.keep(await again.catchUp('302'));
    browser.accountId = '302';
    expect(pieces(await browser.view())).toEqual({ [saved]: 1, [brought]: 1 });

    await shop.signOut(browser);
    await shop.signIn(browser, '302');
    expect(pieces(await browser.view())).toEqual({ [saved]: 1, [brought]: 1 });
  });

  test('keeps what does not fit a cookie, through a sign-out as well', async () => {
    await using shop = await openCookieWorld();
    const [variant = ''] = shop.world.variants;
    const browser = shop.world.browser();
    await browser.add(variant);
    await shop.signIn(browser, '303');
    const many = Array.from({ length: 1_500 }, (_, n) => ({
      variantId: String(900_000_000 + n),
      quantity: 1,
    }));
    const saved = () => readAccountCartLines(shop.world.db, '303');
    await shop.world.db
      .updateTable('carts')
      .set({ lines: JSON.stringify([{ variantId: variant, quantity: 1 }, ...many]) as never })
      .where('account_id', '=', '303')
      .execute();
    await shop.signIn(browser, '303');
    expect((await browser.view()).lines.length).toBeLessThan(1_000);
    await shop.signOut(browser);
    expect(await saved()).toHaveLength(1_501);
  });

  test('has an empty cart where the answer to an order was lost, and keeps what came since', async () => {
    await using shop = await openCookieWorld();
    const [ordered = '', later = ''] = shop.world.variants;
    const browser = shop.world.browser();
    await browser.add(ordered, 2);
    await browser.add(later);
    const order = { opId: 'an-order', fingerprint: 'of an order' };
    const again = await shop.world.carts.prepareCheckout(browser.request);
    browser.keep(await again.catchUp(order, [{ variantId: ordered, quantity: 2 }]));
    expect(pieces(await browser.view())).toEqual({ [later]: 1 });
    const oncemore = await shop.world.carts.prepareCheckout(browser.request);
    expect(await oncemore.catchUp(order, [{ variantId: later, quantity: 1 }])).toEqual([]);
  });
});

test('state sticky loses the cart with its origin and says that it is incomplete', async () => {
  await using database = await createDatabase();
  await using world = await openCartWorld({
    databaseUrl: database.url,
    redisUrl: sharedRedisUrl(),
    cartState: 'sticky',
  });
  const shopper = world.browser();
  await shopper.add(world.variants[0]!);
  const moved = new Browser(world.secondOrigin());
  moved.cookie = shopper.cookie;
  expect(await moved.view()).toMatchObject({ lines: [], incomplete: true });
});

const cookieCart = fc.record({
  id: fc
    .uint8Array({ minLength: 12, maxLength: 12 })
    .map((bytes) => Buffer.from(bytes).toString('base64url')),
  version: fc.nat(),
  lines: fc.array(
    fc.record({
      variantId: fc.bigInt({ min: 1n, max: 999_999_999_999_999_999n }).map(String),
      quantity: fc.integer({ min: 1, max: 500 }),
    }),
    { maxLength: 60 },
  ),
  operations: fc.array(
    fc.tuple(fc.string(), fc.string()).map(([opId, fingerprint]) => operationMark(opId, fingerprint)),
    { maxLength: 8 },
  ),
});

test('a cart in a cookie comes back as it went, and no other text is a cart', () => {
  fc.assert(
    fc.property(cookieCart, (cart) => {
      expect(decodeCart(encodeCart(cart))).toEqual(cart);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64url');
      const cart = decodeCart(text);
      if (cart !== undefined) expect(decodeCart(encodeCart(cart))).toEqual(cart);
    }),
  );
});

test('two hundred lines fit 4,096 bytes, and a larger cart is refused with the number that fits', () => {
  const cartOf = (lines: number): CookieCart => ({
    ...newCookieCart(),
    version: 999_999_999,
    operations: Array.from({ length: 8 }, (_, index) => operationMark(String(index), '')),
    lines: Array.from({ length: lines }, (_, index) => ({
      variantId: String(999_999_999_999_999_999n - BigInt(index)),
      quantity: 99,
    })),
  });
  const header = writeCookieCart(keys, cartOf(200));
  expect(header.split(';', 1)[0]!.length - 1).toBeLessThanOrEqual(4_096);
  let thrown: unknown;
  try {
    writeCookieCart(keys, cartOf(400));
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ status: 422, code: 'cart-limit' });
  const { linesThatFit } = (thrown as { details: { linesThatFit: number } }).details;
  expect(fitsCookie(keys, cartOf(linesThatFit))).toBe(true);
  expect(fitsCookie(keys, cartOf(linesThatFit + 1))).toBe(false);
});

test('state sticky holds as many carts as fit its memory, and no more', async () => {
  await using database = await createDatabase();
  await using world = await openCartWorld({
    databaseUrl: database.url,
    redisUrl: sharedRedisUrl(),
    cartState: 'sticky',
  });
  const before = process.memoryUsage().heapUsed;
  for (let cart = 0; cart < 5_000; cart += 1) await world.browser().add(world.variants[0]!);
  const bytesOfCart = (process.memoryUsage().heapUsed - before) / 5_000;
  expect(bytesOfCart).toBeLessThan(5_000);
});
