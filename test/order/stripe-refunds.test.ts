// Refunds through Stripe: in parts, each once even if answers are lost. A page that is still open is closed with its
// order.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { payBack } from '../../origin/order/life/pay-back.ts';
import type { Browser, Json } from '../support/shop.ts';
import { openStripeShop, type PlacedOrder, type StripeShop } from '../support/stripe-shop.ts';

let at: StripeShop;
let staff: Browser;
beforeAll(async () => {
  at = await openStripeShop();
  staff = await at.shop.staff();
});
afterAll(() => at?.[Symbol.asyncDispose]());
afterEach(() => {
  Object.assign(at.stripe, { losesAnswers: false, isAway: false, failsWith: undefined });
});

const paidThere = { payment_status: 'paid', status: 'complete', intentStatus: 'succeeded' } as const;
async function paidOrder(pieces = 2): Promise<PlacedOrder> {
  const placed = await at.order(pieces);
  Object.assign(placed.session, paidThere);
  expect(await at.tell('checkout.session.completed', placed.session)).toBe(204);
  return placed;
}
const refund = (id: string, amount: number) =>
  staff.post(
    `/api/staff/orders/${id}/refunds`,
    { amount, reason: 'A seam was open' },
    { 'Idempotency-Key': randomUUID() },
  );
const refundsOf = async (id: string): Promise<[number, string][]> =>
  (await staff.get(`/api/staff/orders/${id}`)).body.refunds.map(({ amount, status }: Json) => [
    amount.amount,
    status,
  ]);
const atStripe = ({ session }: PlacedOrder) =>
  at.stripe.refunds.filter(({ intent }) => intent === `pi_${session.id}`).map(({ amount }) => amount);
/** Runs the worker's job, so many hours after the last attempt. */
async function ask(id: string, hours: number): Promise<void> {
  const { db } = at.shop.deps;
  await sql`update refunds set attempted_at = attempted_at - make_interval(hours => ${hours}) where order_id = ${id}`.execute(
    db,
  );
  at.stripe.aheadMs = hours * 3_600_000;
  await payBack(at.shop.deps, at.shop.providers, id);
  at.stripe.aheadMs = 0;
}
const questions = async (id: string) => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from outbox
    where kind = 'pay-back' and state = 'pending' and due_at > now()
      and payload ->> 'orderId' = ${id}`.execute(at.shop.deps.db);
  return rows[0]!.count;
};

test('A refund in parts is as many refunds at Stripe, and never more than was paid', async () => {
  const placed = await paidOrder();
  expect((await refund(placed.id, 1_000)).body.refunds).toMatchObject([{ status: 'done' }]);
  await refund(placed.id, 1_000);
  expect((await refund(placed.id, 1_999)).body.code).toBe('refund-too-large');
  await refund(placed.id, 1_998);
  expect(atStripe(placed)).toEqual([1_000, 1_000, 1_998]);
  expect(new Set(at.stripe.refunds.map(({ key }) => key)).size).toBe(at.stripe.refunds.length);
});

test.each([
  ['was lost', { losesAnswers: true }],
  ['never came, as nothing was carried out', { isAway: true }],
  [
    'was a failure of Stripe’s own',
    { failsWith: { status: 500, body: { error: { type: 'api_error', message: 'Oh' } } } },
  ],
])('A refund whose answer %s is unknown, and asked again until it is done once', async (_, disturbance) => {
  const placed = await paidOrder();
  Object.assign(at.stripe, disturbance);
  await refund(placed.id, 1_500);
  expect(await refundsOf(placed.id)).toEqual([[1_500, 'unknown']]);
  expect(await questions(placed.id)).toBe(1);
  await ask(placed.id, 1);
  expect(await refundsOf(placed.id)).toEqual([[1_500, 'unknown']]);
  expect(await questions(placed.id)).toBe(1);
  Object.assign(at.stripe, { losesAnswers: false, isAway: false, failsWith: undefined });
  // By then Stripe has forgotten the key, so it is asked which refunds it has.
  await Promise.all([ask(placed.id, 30), ask(placed.id, 30)]);
  await ask(placed.id, 60);
  expect(await refundsOf(placed.id)).toEqual([[1_500, 'done']]);
  expect(atStripe(placed)).toEqual([1_500]);
});

test('An order that is cancelled while its page is open closes the page, and its pieces come back', async () => {
  const before = await at.available();
  const { buyer, id, session } = await at.order();
  const cancelled = await buyer.post(`/api/orders/${id}/cancellation`);
  expect(cancelled.body).toMatchObject({ status: 'cancelled', payment: { status: 'failed' }, refunds: [] });
  expect([session.status, await at.available()]).toEqual(['expired', before]);
});

test('An order that is cancelled while Stripe is away keeps its pieces; paid meanwhile, it is paid back once', async () => {
  const before = await at.available();
  const placed = await at.order();
  at.stripe.isAway = true;
  const cancelled = await placed.buyer.post(`/api/orders/${placed.id}/cancellation`);
  at.stripe.isAway = false;
  expect(cancelled.body).toMatchObject({ status: 'cancelled', payment: { status: 'pending' } });
  expect(await at.available()).toBe(before - 1);
  Object.assign(placed.session, paidThere);
  for (let time = 0; time < 2; time += 1) {
    await at.tell('checkout.session.completed', placed.session);
    await ask(placed.id, 1);
  }
  expect(await refundsOf(placed.id)).toEqual([[1_999, 'done']]);
  expect([atStripe(placed), await at.available()]).toEqual([[1_999], before]);
});
