// Ordering as an app does it: it is charged what it showed, told where to pay, and can ask before what may be chosen.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type StripeServer, startStripeServer } from '../../ops-scripts/drills/stripe-server.ts';
import { anOrder, type Browser, openShop, type Shop } from '../support/shop.ts';

let stripe: StripeServer;
let shop: Shop;
let app: Browser;
let variantId: string;
beforeAll(async () => {
  stripe = await startStripeServer();
  shop = await openShop({
    env: {
      PAYMENT_PROVIDERS: 'stripe,on-delivery,demo',
      ...stripe.settings,
    },
  });
  variantId = shop.variants[0]!.id;
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await stripe?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await setPrice(1_999);
  await shop.deps.db.updateTable('variants').set({ available: 20 }).where('id', '=', variantId).execute();
  app = shop.browser();
  await app.fill(variantId, 2);
});

const euros = (amount: number) => ({ amount, currency: 'EUR' });
const setPrice = (amount: number) =>
  shop.deps.db.updateTable('variants').set({ price_amount: amount }).where('id', '=', variantId).execute();
const available = async () => {
  const { available: pieces } = await shop.deps.db
    .selectFrom('variants')
    .select('available')
    .where('id', '=', variantId)
    .executeTakeFirstOrThrow();
  return pieces;
};
const orderCount = async () => (await app.get('/api/orders')).body.items.length;

describe.each(['server', 'cookie', 'sticky'] as const)(
  'An expected total, carts in state %s',
  (cartState) => {
    test('that differs from the real total takes nothing, keeps the cart, and tells the real total', async () => {
      await using other = await openShop({ env: { CART_STATE: cartState } });
      const browser = other.browser();
      await browser.fill(other.variants[0]!.id, 2);
      const key = randomUUID();
      for (let time = 0; time < 2; time += 1) {
        const refused = await browser.order({ expectedTotal: euros(3_997) }, key);
        expect(refused).toMatchObject({ status: 409, body: { code: 'price-changed', total: euros(3_998) } });
        expect(refused.headers.get('Content-Type')).toContain('application/problem+json');
      }
      expect((await browser.get('/api/cart')).body.count).toBe(2);
      expect((await browser.get('/api/orders')).body.items).toEqual([]);
      const placed = await browser.order({ expectedTotal: euros(3_998) }, key);
      expect(placed).toMatchObject({ status: 201, body: { total: euros(3_998) } });
      expect((await browser.order({ expectedTotal: euros(3_998) }, key)).body).toEqual(placed.body);
      expect((await browser.get('/api/cart')).body.count).toBe(0);
    });
  },
);

describe('An expected total', () => {
  test('is compared with the price at the moment of ordering, not with that of the cart', async () => {
    const { total } = (await app.get('/api/cart')).body;
    await setPrice(2_499);
    const before = await available();
    const key = randomUUID();
    const refused = await app.order({ expectedTotal: total }, key);
    expect(refused.body).toMatchObject({ code: 'price-changed', total: euros(4_998) });
    expect(await available()).toBe(before);
    await setPrice(1_999);
    expect((await app.order({ expectedTotal: total }, key)).status).toBe(201);
    expect(await available()).toBe(before - 2);
  });

  test('is part of the request that an idempotency key stands for', async () => {
    const key = randomUUID();
    expect((await app.order({ expectedTotal: euros(3_998) }, key)).status).toBe(201);
    const other = await app.order({ expectedTotal: euros(3_999) }, key);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
  });

  test('that is no possible amount is a fault of the request', async () => {
    const wrong = [3_998, '39.98', null, euros(-1), euros(39.98), { amount: 3_998, currency: 'USD' }, {}];
    for (const expectedTotal of wrong) {
      const answer = await app.order({ expectedTotal });
      expect(answer).toMatchObject({ status: 422, body: { code: 'invalid-body' } });
    }
    expect(await orderCount()).toBe(0);
  });

  test('of a cart without enough stock is told of the stock first', async () => {
    await shop.deps.db.updateTable('variants').set({ available: 1 }).where('id', '=', variantId).execute();
    expect((await app.order({ expectedTotal: euros(1) })).body.code).toBe('out-of-stock');
  });
});

describe('A payment that the buyer has yet to make elsewhere', () => {
  const byCard = { payment: { provider: 'stripe' } };
  const tell = async (type: string, change: object) => {
    const session = stripe.sessions.at(-1)!;
    const { body, headers } = await stripe.event(type, Object.assign(session, change));
    const init = { method: 'POST', body, headers };
    expect((await shop.browser().request('/api/webhooks/stripe', init)).status).toBe(204);
  };

  test('tells where, also when the order is read again and under the same key', async () => {
    const key = randomUUID();
    const { body } = await app.order(byCard, key);
    const session = stripe.sessions.at(-1)!;
    expect(body.payment).toEqual({
      provider: 'stripe',
      status: 'pending',
      redirectUrl: `https://checkout.stripe.example/${session.id}`,
    });
    expect((await app.order(byCard, key)).body).toEqual(body);
    expect((await app.get(`/api/orders/${body.id}`)).body).toEqual(body);
    expect((await app.get('/api/orders')).body.items).toEqual([body]);
  });

  test('no longer tells where once it is paid', async () => {
    const { body } = await app.order(byCard);
    await tell('checkout.session.completed', { payment_status: 'paid', status: 'complete' });
    const { payment } = (await app.get(`/api/orders/${body.id}`)).body;
    expect(payment).toEqual({ provider: 'stripe', status: 'paid' });
  });

  test('no longer tells where once it has ended', async () => {
    const { body } = await app.order(byCard);
    await tell('checkout.session.expired', { status: 'expired' });
    const { payment } = (await app.get(`/api/orders/${body.id}`)).body;
    expect(payment).toEqual({ provider: 'stripe', status: 'failed' });
  });

  test.each(['demo', 'on-delivery'])('is not needed with %s', async (provider) => {
    const { body } = await app.order({ payment: { provider } });
    expect(body.payment).not.toHaveProperty('redirectUrl');
  });
});

describe('The checkout options', () => {
  test('name the providers in the shop’s order, and each country that an order may go to', async () => {
    const { status, headers, body } = await shop.browser().get('/api/checkout-options');
    expect(status).toBe(200);
    expect(body.providers).toEqual([
      { id: 'stripe', name: 'Card' },
      { id: 'on-delivery', name: 'On delivery' },
      { id: 'demo', name: 'Demo, no money moves' },
    ]);
    expect(body.countries).toContain('DE');
    expect(new Set(body.countries).size).toBe(body.countries.length);
    expect(headers.get('Cache-Control')).toBe('private, no-store');
    expect(headers.getSetCookie()).toEqual([]);
    expect((await app.get('/api/checkout-options')).body).toEqual(body);
  });

  test('are what an order can be placed with', async () => {
    const { providers } = (await app.get('/api/checkout-options')).body;
    for (const { id } of providers) {
      const buyer = shop.browser();
      await buyer.fill(variantId);
      expect((await buyer.order({ ...anOrder, payment: { provider: id } })).status).toBe(201);
    }
  });

  test('of a shop with default settings name no card', async () => {
    await using plain = await openShop();
    const { body } = await plain.browser().get('/api/checkout-options');
    expect(body.providers.map((one: { id: string }) => one.id)).toEqual(['demo', 'on-delivery']);
    const buyer = plain.browser();
    await buyer.fill(plain.variants[0]!.id);
    const refused = await buyer.order({ payment: { provider: 'stripe' } });
    expect(refused).toMatchObject({ status: 422, body: { code: 'unknown-provider' } });
  });
});
