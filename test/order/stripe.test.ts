// Paying through Stripe: where the shopper is sent, and what webhooks and questions tell. A missing answer is never
// taken for a refusal.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type FakeSession,
  type StripeServer,
  startStripeServer,
} from '../../ops-scripts/drills/stripe-server.ts';
import { settlePayment } from '../../origin/order/pay-order.ts';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

let stripe: StripeServer;
let shop: Shop;
beforeAll(async () => {
  stripe = await startStripeServer();
  shop = await openShop({
    env: {
      PAYMENT_PROVIDERS: 'stripe',
      ...stripe.settings,
    },
  });
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await stripe?.[Symbol.asyncDispose]();
});

async function order(pieces = 1) {
  const buyer = shop.browser();
  const body = await buyer.buy(shop.variants[0]!.id, pieces, { payment: { provider: 'stripe' } });
  const session = stripe.sessions.find((one) => one.client_reference_id === body.id);
  return { buyer, id: body.id as string, body, session: session! };
}
const settle = (id: string) => settlePayment(shop.deps, id, shop.providers);
const statusOf = async (buyer: Browser, id: string) =>
  (await buyer.get(`/api/orders/${id}`)).body.payment.status;
const paymentOf = (id: string) =>
  shop.deps.db.selectFrom('payments').selectAll().where('order_id', '=', id).executeTakeFirstOrThrow();
const available = async () => {
  const { id } = shop.variants[0]!;
  const row = await shop.deps.db
    .selectFrom('variants')
    .select('available')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return row.available;
};
const mailsOf = async (id: string) => {
  const rows = await shop.deps.db.selectFrom('outbox').select('payload').where('kind', '=', 'mail').execute();
  return rows.filter((row) => (row.payload as { data: { orderId: string } }).data.orderId === id).length;
};
async function tell(type: string, session: FakeSession) {
  const { body, headers } = await stripe.event(type, session);
  return shop.browser().request('/api/webhooks/stripe', { method: 'POST', body, headers });
}

describe('an order paid by card', () => {
  test('is placed with its pieces held, and its page leads on to Stripe', async () => {
    const before = await available();
    const { buyer, id, body, session } = await order(2);
    expect(body).toMatchObject({ status: 'placed', payment: { provider: 'stripe', status: 'pending' } });
    expect(session.amount).toBe(3_998);
    expect(await available()).toBe(before - 2);
    const page = await (await buyer.request(`/orders/${id}`)).text();
    expect(page).toContain(`href="https://checkout.stripe.example/${session.id}"`);
  });

  test('is paid by a webhook, however often it comes, and confirmed once', async () => {
    const { buyer, id, session } = await order();
    Object.assign(session, { payment_status: 'paid', status: 'complete' });
    const answers = await Promise.all([1, 2, 3].map(() => tell('checkout.session.completed', session)));
    expect(answers.map((answer) => answer.status)).toEqual([204, 204, 204]);
    expect(await statusOf(buyer, id)).toBe('paid');
    expect(await mailsOf(id)).toBe(1);
    expect(await (await buyer.request(`/orders/${id}`)).text()).not.toContain('checkout.stripe.example');
  });

  test('is paid by asking, where the webhook never came', async () => {
    const { buyer, id, session } = await order();
    Object.assign(session, { payment_status: 'paid', status: 'complete' });
    await settle(id);
    expect(await statusOf(buyer, id)).toBe('paid');
  });

  test('ends and gives its pieces back when the session has expired', async () => {
    const before = await available();
    const { buyer, id, session } = await order(3);
    session.status = 'expired';
    expect((await tell('checkout.session.expired', session)).status).toBe(204);
    expect((await buyer.get(`/api/orders/${id}`)).body).toMatchObject({
      status: 'cancelled',
      payment: { status: 'failed' },
    });
    expect(await available()).toBe(before);
  });

  test('whose money comes after its end gives it back, once', async () => {
    const { id, session } = await order();
    session.status = 'expired';
    await tell('checkout.session.expired', session);
    Object.assign(session, { payment_status: 'paid', status: 'complete' });
    await tell('checkout.session.completed', session);
    await settle(id);
    await settle(id);
    expect(await paymentOf(id)).toMatchObject({ status: 'failed', flag: 'refunded' });
    const { provider_key: key } = await paymentOf(id);
    expect(stripe.refunds).toMatchObject([{ intent: `pi_${session.id}`, key: `${key}-refund` }]);
  });

  test('is unknown where the answer was lost, keeps its pieces, and is one session when asked again', async () => {
    const before = await available();
    stripe.losesAnswers = true;
    const { buyer, id, body, session } = await order();
    expect(body.payment.status).toBe('unknown');
    stripe.losesAnswers = false;
    await settle(id);
    expect(await statusOf(buyer, id)).toBe('pending');
    expect(stripe.sessions.filter((one) => one.client_reference_id === id)).toEqual([session]);
    expect(await available()).toBe(before - 1);
  });
});

describe('a webhook', () => {
  test('about something else that was sold through the same account changes no order', async () => {
    const { buyer, id, session } = await order(2);
    const paid = { ...session, payment_status: 'paid' as const, status: 'complete' as const };
    for (const foreign of [
      { ...paid, id: 'cs_of_a_payment_link' },
      { ...paid, amount: 1 },
    ])
      expect((await tell('checkout.session.completed', foreign)).status).toBe(204);
    await tell('checkout.session.expired', {
      ...paid,
      id: 'cs_elsewhere',
      payment_status: 'unpaid',
      status: 'expired',
    });
    expect(await statusOf(buyer, id)).toBe('pending');
    await tell('checkout.session.completed', paid);
    expect(await statusOf(buyer, id)).toBe('paid');
  });

  test('that Stripe did not sign is refused and changes nothing', async () => {
    const { buyer, id, session } = await order();
    const { body, headers } = await stripe.event('checkout.session.completed', {
      ...session,
      payment_status: 'paid',
    });
    for (const [forged, signature] of [
      [body.replace('"paid"', '"paid" '), headers['Stripe-Signature']!],
      [body, 't=1,v1=00'],
      [body, ''],
    ] as const) {
      const answer = await shop.browser().request('/api/webhooks/stripe', {
        method: 'POST',
        body: forged,
        headers: { ...headers, 'Stripe-Signature': signature },
      });
      expect(answer.status).toBe(400);
    }
    expect(await statusOf(buyer, id)).toBe('pending');
  });

  test('about something that is not ours is accepted and ignored', async () => {
    const { session } = await order();
    for (const reference of ['cart-of-another-shop', '987654321'])
      expect(
        (await tell('checkout.session.completed', { ...session, client_reference_id: reference })).status,
      ).toBe(204);
    expect((await tell('invoice.paid', session)).status).toBe(204);
  });

  test('does not exist where the shop takes no cards', async () => {
    await using other = await openShop();
    const answer = await other.browser().request('/api/webhooks/stripe', { method: 'POST' });
    expect([answer.status, other.providers.names]).toEqual([404, ['demo', 'on-delivery']]);
  });
});
