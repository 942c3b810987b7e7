// An attempt to write an order that Postgres undid has told nobody anything: what stands is the order of the request that won.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Carts } from '../../origin/cart/carts.ts';
import { createCarts } from '../../origin/cart/create-carts.ts';
import { placeOrder } from '../../origin/order/place-order.ts';
import { anOrder, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop[Symbol.asyncDispose]());

test('what it froze is not published when another request placed the order under the same key', async () => {
  const browser = shop.browser();
  await browser.fill(shop.variants[0]!.id, 2);
  const real = createCarts(shop.deps);
  const calls: string[] = [];
  let rival: Promise<unknown> | undefined;
  const checkout = (carts: Carts) =>
    placeOrder(shop.deps, carts, shop.providers, {
      accountId: undefined,
      cookieHeader: browser.cookieHeader,
      idempotencyKey: 'one-key',
      path: '/api/orders',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      request: anOrder as never,
    });
  const undoneOnce: Carts = {
    ...real,
    async prepareCheckout(visit) {
      const prepared = await real.prepareCheckout(visit);
      return {
        ...prepared,
        async endGeneration(tx) {
          await prepared.endGeneration(tx);
          if (rival !== undefined) return;
          // It waits on the key's row, and is first once this transaction is undone.
          rival = checkout(real);
          await new Promise((resolve) => setTimeout(resolve, 300));
          throw Object.assign(new Error('deadlock detected'), { code: '40P01' });
        },
        settle() {
          calls.push('settle');
          return prepared.settle();
        },
        catchUp(...order) {
          calls.push('catchUp');
          return prepared.catchUp(...order);
        },
      };
    },
  };
  try {
    const mine = await checkout(undoneOnce);
    expect(await rival).toMatchObject({ order: { id: mine.order.id } });
    expect(calls).toEqual(['catchUp']);
  } finally {
    await real.close();
  }
});
