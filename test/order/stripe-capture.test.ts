// STRIPE_CAPTURE=shipment: the card is authorised with the order, and charged once before the first parcel leaves,
// for no more than is sent. Also disputes: staff see them, and disputed money is not refunded a second time.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { payOnPage } from '../../ops-scripts/drills/stripe-server.ts';
import { settlePayment } from '../../origin/order/pay-order.ts';
import type { Browser } from '../support/shop.ts';
import { openStripeShop, type PlacedOrder, type StripeShop } from '../support/stripe-shop.ts';

let at: StripeShop;
let staff: Browser;
beforeAll(async () => {
  at = await openStripeShop({ STRIPE_CAPTURE: 'shipment' });
  staff = await at.shop.staff();
});
afterAll(() => at?.[Symbol.asyncDispose]());

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests, which is the check
type Json = any;
const write = async (path: string, body: object): Promise<{ status: number; body: Json }> =>
  staff.post(`/api/staff/orders/${path}`, body, { 'Idempotency-Key': randomUUID() });
const ship = (id: string, lines?: object[]) =>
  write(`${id}/shipments`, { carrier: 'DHL', ...(lines ? { lines } : {}) });
const shown = async (id: string): Promise<Json> => (await staff.get(`/api/staff/orders/${id}`)).body;

/** Places an order that is authorised: Stripe reported it twice, and the worker has asked. */
async function authorised(pieces = 2): Promise<PlacedOrder> {
  const placed = await at.order(pieces);
  payOnPage(placed.session);
  for (let time = 0; time < 2; time += 1)
    expect(await at.tell('checkout.session.completed', placed.session)).toBe(204);
  await settlePayment(at.shop.deps, placed.id, at.shop.providers);
  return placed;
}

const mails = async (id: string): Promise<string[]> => {
  const { rows } = await sql<{ template: string }>`
    select payload ->> 'template' as template from outbox
    where kind = 'mail' and payload -> 'data' ->> 'orderId' = ${id} order by id`.execute(at.shop.deps.db);
  return rows.map(({ template }) => template);
};

test('An authorised order is confirmed and waits to be shipped; its first parcel takes the money, once', async () => {
  const placed = await authorised();
  const order = await shown(placed.id);
  expect(order).toMatchObject({ status: 'placed', payment: { status: 'authorised' }, paid: { amount: 0 } });
  expect(await mails(placed.id)).toEqual(['order-confirmation']);
  expect(await (await staff.request('/staff/to-ship')).text()).toContain(order.number);
  const page = await (await placed.buyer.request(`/orders/${placed.id}`)).text();
  expect(page).toContain('charged when your parcel leaves');
  const one = [{ variantId: order.lines[0].variantId, quantity: 1 }];
  expect((await ship(placed.id, [{ ...one[0], quantity: 3 }])).body.code).toBe('shipment-too-large');
  expect(placed.session.captured).toBeUndefined();
  const answers = await Promise.all([ship(placed.id, one), ship(placed.id, one)]);
  expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  expect(placed.session.captured).toBe(3_998);
  expect(await shown(placed.id)).toMatchObject({
    status: 'paid',
    paid: { amount: 3_998 },
    fulfilment: 'shipped',
  });
  expect((await mails(placed.id)).filter((name) => name === 'order-paid')).toEqual(['order-paid']);
  const captures = at.stripe.requests.filter(({ path }) => path.endsWith(`pi_${placed.session.id}/capture`));
  expect(captures.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
});

test('What is left out before the money is taken is not charged, and has its credit note', async () => {
  const placed = await authorised(3);
  const [{ variantId }] = (await shown(placed.id)).lines;
  const less = { amount: 1_999, reason: 'One was damaged', restock: [{ variantId, quantity: 1 }] };
  expect((await write(`${placed.id}/refunds`, { ...less, amount: 5_997 })).body.code).toBe(
    'refund-too-large',
  );
  const left = await write(`${placed.id}/refunds`, less);
  expect(left.body).toMatchObject({ refunds: [], paid: { amount: 0 } });
  expect((await ship(placed.id)).status).toBe(201);
  expect(placed.session.captured).toBe(3_998);
  const order = await shown(placed.id);
  expect(order.refunds).toMatchObject([{ amount: { amount: 1_999 }, status: 'done' }]);
  expect(at.stripe.refunds.filter(({ intent }) => intent === `pi_${placed.session.id}`)).toEqual([]);
  const { rows } = await sql<{ total: number }>`
    select (content ->> 'total')::integer as total from invoices where order_id = ${placed.id}
    union all
    select -(content ->> 'total')::integer from credit_notes where order_id = ${placed.id}`.execute(
    at.shop.deps.db,
  );
  expect(rows.map(({ total }) => total)).toEqual([5_997, -1_999]);
  expect((await write(`${placed.id}/refunds`, { amount: 3_999, reason: 'Too much' })).body.code).toBe(
    'refund-too-large',
  );
  expect((await write(`${placed.id}/refunds`, { amount: 3_998, reason: 'All' })).status).toBe(201);
  expect(at.stripe.refunds.at(-1)).toMatchObject({ amount: 3_998 });
});

test('A capture whose answer was lost ships nothing until it is known, and takes the money once', async () => {
  const placed = await authorised();
  at.stripe.losesAnswers = 'writes';
  expect((await ship(placed.id)).body.code).toBe('not-paid');
  at.stripe.losesAnswers = false;
  expect(placed.session.captured).toBe(3_998);
  expect(await shown(placed.id)).toMatchObject({ shipments: [], payment: { status: 'authorised' } });
  expect((await ship(placed.id)).status).toBe(201);
  expect(await shown(placed.id)).toMatchObject({ payment: { status: 'paid' }, fulfilment: 'shipped' });
  // Where staff do not ship again, the worker learns the outcome.
  const other = await authorised();
  at.stripe.losesAnswers = 'writes';
  await ship(other.id);
  at.stripe.losesAnswers = false;
  expect((await at.questionsOf(other.id)).some((ms) => ms < 60_000)).toBe(true);
  await at.settle(other.id);
  expect(await shown(other.id)).toMatchObject({ status: 'paid', shipments: [], paid: { amount: 3_998 } });
});

test('An order that is cancelled releases what was authorised, and its pieces come back', async () => {
  const before = await at.available();
  const placed = await authorised();
  const cancelled = await placed.buyer.post(`/api/orders/${placed.id}/cancellation`);
  expect(cancelled.body).toMatchObject({ status: 'cancelled', refunds: [], payment: { status: 'failed' } });
  expect([placed.session.intentStatus, await at.available()]).toEqual(['canceled', before]);
});

test('An authorisation that ends ends its order: pieces come back, nothing is owed, the shopper is told', async () => {
  const before = await at.available();
  const placed = await authorised();
  // The first questions are deleted. The next one is due when the authorisation ends.
  await at.shop.deps.db.deleteFrom('outbox').where('kind', '=', 'settle-payment').execute();
  await at.settle(placed.id);
  expect((await at.questionsOf(placed.id)).some((ms) => ms > 7 * 86_400_000)).toBe(true);
  expect(await (await staff.request('/staff/payments')).text()).not.toContain('Authorisation ends');
  await sql`update payments set authorised_until = now() + interval '1 day' where order_id = ${placed.id}`.execute(
    at.shop.deps.db,
  );
  expect(await (await staff.request('/staff/payments')).text()).toContain('Authorisation ends');
  for (let time = 0; time < 2; time += 1) await at.settle(placed.id, 8 * 24 * 60);
  expect(await shown(placed.id)).toMatchObject({ status: 'cancelled', payment: { status: 'failed' } });
  expect([await at.available(), await mails(placed.id)]).toEqual([
    before,
    ['order-confirmation', 'order-cancelled'],
  ]);
  expect((await ship(placed.id)).body.code).toBe('order-cancelled');
});

const dispute = ({ session }: PlacedOrder, status: string, amount = 3_998) => ({
  id: `dp_${session.id}`,
  object: 'dispute',
  amount,
  currency: 'eur',
  reason: 'product_not_received',
  status,
  created: 1_796_000_000,
  payment_intent: `pi_${session.id}`,
  evidence_details: { due_by: 1_797_000_000 },
});
async function tellOf(type: string, object: object, seconds: number): Promise<number> {
  const { body, headers } = await at.stripe.message(`charge.dispute.${type}`, object, seconds);
  const answer = await at.shop.browser().request('/api/webhooks/stripe', { method: 'POST', body, headers });
  return answer.status;
}

test('A dispute is noted once, whatever order its messages come in, shown to staff, and never paid back as well', async () => {
  const placed = await authorised();
  await ship(placed.id);
  at.stripe.isAway = true;
  expect(await tellOf('created', dispute(placed, 'needs_response'), 100)).toBe(503);
  at.stripe.isAway = false;
  for (let time = 0; time < 2; time += 1)
    expect(await tellOf('created', dispute(placed, 'needs_response'), 100)).toBe(204);
  const seen = await shown(placed.id);
  expect(seen.disputes).toMatchObject([{ state: 'open', amount: { amount: 3_998 } }]);
  expect(seen.events.at(-1)).toMatchObject({ who: 'stripe', what: 'dispute-open' });
  expect(await (await staff.request(`/staff/orders/${placed.id}`)).text()).toContain('product not received');
  expect(await (await staff.request('/staff/payments')).text()).toContain('Disputed');
  expect((await write(`${placed.id}/refunds`, { amount: 1, reason: 'Sorry' })).body.code).toBe(
    'refund-too-large',
  );
  await tellOf('closed', dispute(placed, 'won'), 300);
  await tellOf('updated', dispute(placed, 'under_review'), 200);
  await tellOf('created', dispute(placed, 'needs_response'), 100);
  const over = await shown(placed.id);
  expect(over.disputes).toMatchObject([{ state: 'won' }]);
  expect(over.events.filter(({ what }: Json) => what.startsWith('dispute')).length).toBe(2);
  expect((await write(`${placed.id}/refunds`, { amount: 1, reason: 'Sorry' })).status).toBe(201);
});

test('A lost dispute leaves nothing of its part to be paid back, and a foreign one is passed over', async () => {
  const placed = await authorised();
  await ship(placed.id);
  await tellOf('closed', dispute(placed, 'lost', 3_000), 100);
  expect((await write(`${placed.id}/refunds`, { amount: 999, reason: 'Rest' })).body.code).toBe(
    'refund-too-large',
  );
  expect((await write(`${placed.id}/refunds`, { amount: 998, reason: 'Rest' })).status).toBe(201);
  const foreign = { ...dispute(placed, 'lost'), id: 'dp_foreign', payment_intent: 'pi_of_another_shop' };
  expect(await tellOf('closed', foreign, 100)).toBe(204);
  expect((await shown(placed.id)).disputes.length).toBe(1);
});
