// The states `cookie` and `sticky`: complete for shoppers, each with its own limit.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitsCookie, newCookieCart, writeCookieCart } from '../../origin/cart/cookie/cart-in-cookie.ts';
import {
  type CookieCart,
  decodeCart,
  encodeCart,
  operationMark,
} from '../../origin/cart/cookie/encode-cart.ts';
import { prepareSignIn, signOutCart } from '../../origin/cart/for-account.ts';
import { endGeneration, freezeForCheckout, prepareCheckout } from '../../origin/cart/for-order.ts';
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

    const merge = await prepareSignIn(world.carts, shopper.visit, '200');
    await world.db.transaction().execute((tx) => merge.mergeInto(tx, '200'));
    shopper.keep(await merge.settle());
    shopper.accountId = '200';
    expect(pieces(await shopper.view())).toEqual({ [variant]: 2, [other]: 4 });

    shopper.keep(await signOutCart(world.carts, shopper.visit));
    shopper.accountId = undefined;
    expect((await shopper.view()).lines).toEqual([]);

    await shopper.add(variant);
    const again = await prepareSignIn(world.carts, shopper.visit, '200');
    await world.db.transaction().execute((tx) => again.mergeInto(tx, '200'));
    shopper.keep(await again.settle());
    shopper.accountId = '200';
    expect(pieces(await shopper.view())).toEqual({ [variant]: 3, [other]: 4 });

    const laterKey = randomUUID();
    await shopper.add(variant, 1, laterKey);
    const checkout = await prepareCheckout(world.carts, shopper.visit);
    await world.db.transaction().execute(async (tx) => {
      const reused = freezeForCheckout(tx, checkout, { opId: laterKey, fingerprint: 'of an order' });
      await expect(reused).rejects.toMatchObject({ code: 'idempotency-key-reused' });
      await freezeForCheckout(tx, checkout, { opId: 'an-order', fingerprint: 'of an order' });
      await endGeneration(tx, checkout);
    });
    shopper.keep(await checkout.settle());
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
    const merge = await prepareSignIn(world.carts, shopper.visit, '201');
    await world.db.transaction().execute((tx) => merge.mergeInto(tx, '201'));
    if (time === 1) shopper.keep(await merge.settle());
  }
  expect(pieces(await shopper.view())).toEqual({ [variant]: 2 });
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
