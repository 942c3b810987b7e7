// An attempt to write an order that Postgres rolled back must have no effect outside. The order is that of the
// request that won.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Carts } from '../../origin/cart/carts.ts';
import { createCarts } from '../../origin/cart/create-carts.ts';
import { placeOrder } from '../../origin/order/place-order.ts';
import type { Tx } from '../../origin/schema.ts';
import { anOrder, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop[Symbol.asyncDispose]());

/** Counts transactions of this database that wait for another one. */
const countWaiting = async () => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(shop.deps.db);
  return rows[0]!.count;
};

test('what it froze is not published when another request placed the order under the same key', async () => {
  const carts = createCarts(shop.deps);
  try {
    let calls = await orderTwice(carts);
    // After the rollback Postgres decides which request is first; mostly it is the one that waited.
    for (let round = 1; round < 20 && calls.mine[0] === 'afterCommit'; round += 1) {
      expect(calls).toEqual({ mine: ['afterCommit'], rival: ['catchUp'] });
      calls = await orderTwice(carts);
    }
    expect(calls).toEqual({ mine: ['catchUp'], rival: ['afterCommit'] });
  } finally {
    await carts.close();
  }
});

/** Sends two requests with one key. The second comes while the first one's transaction is about to be rolled back. */
async function orderTwice(real: Carts): Promise<{ mine: string[]; rival: string[] }> {
  const browser = shop.browser();
  await browser.fill(shop.variants[0]!.id);
  const calls = { mine: [] as string[], rival: [] as string[] };
  const checkout = (carts: Carts) =>
    placeOrder(shop.deps, carts, shop.providers, {
      accountId: undefined,
      cookieHeader: browser.cookieHeader,
      idempotencyKey: 'one-key',
      path: '/api/orders',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      request: anOrder as never,
    });
  const heard = (whose: string[], endGeneration?: (tx: Tx) => Promise<void>): Carts => ({
    ...real,
    async prepareCheckout(request) {
      const prepared = await real.prepareCheckout(request);
      return {
        ...prepared,
        async endGeneration(tx) {
          await prepared.endGeneration(tx);
          await endGeneration?.(tx);
        },
        afterCommit() {
          whose.push('afterCommit');
          return prepared.afterCommit();
        },
        catchUp(...order) {
          whose.push('catchUp');
          return prepared.catchUp(...order);
        },
      };
    },
  });
  let rival: Promise<unknown> | undefined;
  const undoOnce = async () => {
    if (rival !== undefined) return;
    rival = checkout(heard(calls.rival));
    // The second request waits for the key's row.
    await vi.waitFor(async () => expect(await countWaiting()).toBe(1), { timeout: 10_000, interval: 10 });
    throw Object.assign(new Error('deadlock detected'), { code: '40P01' });
  };
  const mine = await checkout(heard(calls.mine, undoOnce));
  expect(await rival).toMatchObject({ order: { id: mine.order.id } });
  return calls;
}
