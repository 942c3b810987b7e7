// The second and the third order: with every provider, as a guest and signed in, with the default settings' order of
// providers.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type StripeServer, startStripeServer } from '../../ops-scripts/drills/stripe-server.ts';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

let stripe: StripeServer;
let shop: Shop;
beforeAll(async () => {
  stripe = await startStripeServer();
  shop = await openShop({
    env: {
      PAYMENT_PROVIDERS: 'demo,on-delivery,stripe',
      ...stripe.settings,
    },
  });
  await shop.deps.db.updateTable('variants').set({ available: 100 }).execute();
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await stripe?.[Symbol.asyncDispose]();
});

const ways = [
  { payment: { provider: 'demo' }, expected: 'paid' },
  { payment: { provider: 'demo', outcome: 'paid' }, expected: 'paid' },
  { payment: { provider: 'demo', outcome: 'declined' }, expected: 'failed' },
  { payment: { provider: 'demo', outcome: 'unknown' }, expected: 'unknown' },
  { payment: { provider: 'on-delivery' }, expected: 'pending' },
  { payment: { provider: 'stripe' }, expected: 'pending' },
];

const confirmationsOf = async (orderId: string) => {
  const rows = await shop.deps.db.selectFrom('outbox').select('payload').where('kind', '=', 'mail').execute();
  return rows.filter((row) => (row.payload as { data: { orderId?: string } }).data.orderId === orderId)
    .length;
};

async function orderThreeTimes(buyer: Browser, payment: object, expected: string): Promise<void> {
  const ids = new Set<string>();
  for (let round = 0; round < 3; round += 1) {
    await buyer.fill(shop.variants[0]!.id);
    const answer = await buyer.order({ payment }, randomUUID());
    expect(answer).toMatchObject({ status: 201, body: { payment: { status: expected } } });
    expect((await buyer.get(`/api/orders/${answer.body.id}`)).status).toBe(200);
    const confirmed = expected === 'paid' || (payment as { provider: string }).provider === 'on-delivery';
    expect(await confirmationsOf(answer.body.id)).toBe(confirmed ? 1 : 0);
    ids.add(answer.body.id);
    // A declined order gives its pieces back to the bag, so they are removed before the next round.
    await buyer.delete(`/api/cart/lines/${shop.variants[0]!.id}`);
  }
  expect(ids.size).toBe(3);
}

describe.each(ways)('Three orders by $payment', ({ payment, expected }) => {
  test('are three orders for one guest', () => orderThreeTimes(shop.browser(), payment, expected));

  test('are three orders for three guests at once', async () => {
    await Promise.all([1, 2, 3].map(() => orderThreeTimes(shop.browser(), payment, expected)));
  });

  test('are three orders for one account', async () => {
    const buyer = shop.browser();
    await buyer.signUp(`${randomUUID()}@example.com`);
    await orderThreeTimes(buyer, payment, expected);
  });
});
