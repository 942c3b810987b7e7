// A webhook is believed only if mode, currency, amount and session are those of the order. Otherwise the shop asks
// Stripe.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStripeShop, type PlacedOrder, type StripeShop } from '../support/stripe-shop.ts';

let at: StripeShop;
beforeAll(async () => {
  at = await openStripeShop();
});
afterAll(() => at?.[Symbol.asyncDispose]());

const paid = { payment_status: 'paid', status: 'complete' } as const;
const statusOf = async (placed: PlacedOrder) => (await at.shown(placed)).payment.status;
const differences = [
  ['another currency', { currency: 'usd' }],
  ['a smaller amount', { amount: 1 }],
  ['a larger amount', { amount: 2_000 }],
  ['another mode', { mode: 'setup' }],
  ['no payment at all', { payment_status: 'no_payment_required' }],
] as const;

describe('A webhook about the order’s own page', () => {
  test.each(differences)('with %s decides nothing, and Stripe is asked at once', async (_, difference) => {
    const placed = await at.order();
    await at.shop.deps.db.deleteFrom('outbox').where('kind', '=', 'settle-payment').execute();
    for (let time = 0; time < 2; time += 1)
      expect(await at.tell('checkout.session.completed', placed.session, { ...paid, ...difference })).toBe(
        204,
      );
    expect((await at.shown(placed)).payment).toEqual(placed.body.payment);
    const [question = Number.NaN] = await at.questionsOf(placed.id);
    expect(question).toBeLessThan(1_000);
    await at.settle(placed.id);
    expect(await statusOf(placed)).toBe('pending');
    await at.tell('checkout.session.completed', placed.session, paid);
    expect(await statusOf(placed)).toBe('paid');
  });

  test.each(differences)(
    'with %s leaves it unknown where Stripe says the same when it is asked',
    async (_, difference) => {
      const before = await at.available();
      const placed = await at.order();
      Object.assign(placed.session, paid, difference);
      await at.tell('checkout.session.completed', placed.session);
      for (let time = 0; time < 2; time += 1) await at.settle(placed.id);
      expect(await statusOf(placed)).toBe('unknown');
      expect((await at.payment(placed.id)).detail).toMatch(/^(Its (mode|currency|amount) is|Stripe says)/);
      expect([await at.available(), await at.mailsOf(placed.id)]).toEqual([before - 1, 0]);
    },
  );

  test.each([
    ['another page', { id: 'cs_of_a_payment_link' }],
    ['another order', { client_reference_id: '987654321' }],
    ['something that is no order', { client_reference_id: 'cart-7' }],
  ])('is none where it is about %s', async (_, difference) => {
    const placed = await at.order();
    const events = ['completed', 'expired', 'async_payment_failed', 'async_payment_succeeded'];
    for (const event of events)
      expect(await at.tell(`checkout.session.${event}`, placed.session, { ...paid, ...difference })).toBe(
        204,
      );
    expect((await at.shown(placed)).payment).toEqual(placed.body.payment);
  });

  test.each(['payment_intent.created', 'charge.refunded', 'checkout.session.of_next_year'])(
    'of a type that decides nothing is heard and passed over: %s',
    async (type) => {
      const placed = await at.order();
      expect(await at.tell(type, placed.session, paid)).toBe(204);
      expect((await at.shown(placed)).payment).toEqual(placed.body.payment);
    },
  );

  test('that comes before the answer to our own request is known by the order’s number', async () => {
    at.stripe.losesAnswers = true;
    const placed = await at.order();
    at.stripe.losesAnswers = false;
    const foreign = { ...paid, metadata: { order: 'MC-00000-00000' } };
    await at.tell('checkout.session.completed', placed.session, foreign);
    expect(await statusOf(placed)).toBe('unknown');
    for (let time = 0; time < 2; time += 1) await at.tell('checkout.session.completed', placed.session, paid);
    expect([await statusOf(placed), await at.mailsOf(placed.id)]).toEqual(['paid', 1]);
    expect(await at.payment(placed.id)).toMatchObject({ reference: placed.session.id, request: null });
  });
});

describe('A webhook about the payment intent', () => {
  test.each(['succeeded', 'payment_failed', 'canceled'])(
    'decides nothing and makes the shop ask, once: %s',
    async (event) => {
      const placed = await at.order();
      await at.shop.deps.db.deleteFrom('outbox').where('kind', '=', 'settle-payment').execute();
      const declined = { intentStatus: 'requires_payment_method' };
      for (let time = 0; time < 3; time += 1)
        expect(await at.tell(`payment_intent.${event}`, placed.session, declined)).toBe(204);
      expect((await at.shown(placed)).payment).toEqual(placed.body.payment);
      const questions = await at.questionsOf(placed.id);
      expect(questions).toHaveLength(1);
      expect(questions[0]).toBeLessThan(1_000);
      await at.settle(placed.id);
      expect((await at.shown(placed)).payment).toEqual(placed.body.payment);
    },
  );

  test('of another shop’s order, or of one that is paid, asks nothing', async () => {
    const placed = await at.order();
    await at.tell('checkout.session.completed', placed.session, paid);
    const open = await at.order();
    await at.shop.deps.db.deleteFrom('outbox').where('kind', '=', 'settle-payment').execute();
    const foreign = { ...open.session.metadata, order: 'MC-00000-00000' };
    await at.tell('payment_intent.succeeded', open.session, { ...paid, metadata: foreign });
    await at.tell('payment_intent.succeeded', open.session, { ...paid, metadata: {} });
    await at.tell('payment_intent.succeeded', placed.session, paid);
    for (const { id } of [placed, open]) expect(await at.questionsOf(id)).toEqual([]);
  });
});

describe('Webhooks in any order', () => {
  test.each([
    'completed expired',
    'completed async_payment_succeeded expired',
    'async_payment_succeeded completed completed',
  ])('leave a payment that was made paid, and confirm it once: %s', async (order) => {
    const events = order.split(' ');
    const placed = await at.order();
    for (const event of [...events, ...events]) {
      const change = event === 'expired' ? ({ payment_status: 'unpaid', status: 'expired' } as const) : paid;
      expect(await at.tell(`checkout.session.${event}`, placed.session, change)).toBe(204);
    }
    expect([await statusOf(placed), await at.mailsOf(placed.id)]).toEqual(['paid', 1]);
  });
});

describe('Money that comes after the order has ended', () => {
  const endAndPay = async (change = {}) => {
    const placed = await at.order();
    await at.tell('checkout.session.expired', placed.session, { status: 'expired' });
    Object.assign(placed.session, paid, change);
    for (let time = 0; time < 2; time += 1) await at.tell('checkout.session.completed', placed.session);
    return placed;
  };
  const refundsOf = ({ session }: PlacedOrder) =>
    at.stripe.refunds.filter(({ intent }) => intent === `pi_${session.id}`);

  test.each([
    ['of the right amount', {}],
    ['of another amount', { amount: 5 }],
    ['in another currency', { currency: 'usd' }],
  ])('goes back once, %s', async (_, change) => {
    const placed = await endAndPay(change);
    expect(await at.payment(placed.id)).toMatchObject({ status: 'failed', flag: 'late-money' });
    for (let time = 0; time < 2; time += 1) await at.settle(placed.id);
    expect(await at.payment(placed.id)).toMatchObject({ status: 'failed', flag: 'refunded' });
    expect(refundsOf(placed)).toHaveLength(1);
  });

  test('goes back once though the answer was lost and Stripe has forgotten the key', async () => {
    const placed = await endAndPay();
    at.stripe.losesAnswers = 'writes';
    await expect(at.settle(placed.id)).rejects.toThrow();
    at.stripe.losesAnswers = false;
    await at.settle(placed.id, 3 * 24 * 60);
    expect(await at.payment(placed.id)).toMatchObject({ flag: 'refunded' });
    expect(refundsOf(placed)).toHaveLength(1);
  });
});
