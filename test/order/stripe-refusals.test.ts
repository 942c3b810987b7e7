// A refusal counts as `failed`, because Stripe did not carry out the request. A missing answer counts as `unknown`,
// because Stripe may have carried it out.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { byCard, openStripeShop, type StripeShop } from '../support/stripe-shop.ts';

let at: StripeShop;
beforeAll(async () => {
  at = await openStripeShop({ PAYMENT_PROVIDERS: 'stripe,on-delivery' });
});
afterAll(() => at?.[Symbol.asyncDispose]());
beforeEach(async () => {
  Object.assign(at.stripe, {
    failsWith: undefined,
    losesAnswers: false,
    isAway: false,
    secretKeys: undefined,
  });
  await at.setVariant({ price_amount: 1_999 });
});

const patience = { timeout: 10_000, interval: 10 };
/** @returns the order whose provider is being called for the first time */
const findAttempt = async () => {
  const { order_id: id } = await at.shop.deps.db
    .selectFrom('payments')
    .select('order_id')
    .where('status', '=', 'pending')
    .where('reference', 'is', null)
    .executeTakeFirstOrThrow();
  return id;
};
const failure = (status: number, error: object) => ({ status, body: { error } });
const invalid = { type: 'invalid_request_error', message: 'as Stripe says it' };

describe('What Stripe refuses', () => {
  test.each([
    [
      'an e-mail that it does not take',
      failure(400, { ...invalid, code: 'email_invalid', param: 'customer_email' }),
    ],
    ['an amount that is too small for it', failure(400, { ...invalid, code: 'amount_too_small' })],
    [
      'a parameter that it does not know',
      failure(400, { ...invalid, code: 'parameter_unknown', param: 'mode' }),
    ],
    ['something that it does not have', failure(404, { ...invalid, code: 'resource_missing' })],
    ['a key that was used with other parameters', failure(400, { ...invalid, type: 'idempotency_error' })],
    ['a card', failure(402, { type: 'card_error', code: 'card_declined', message: 'Declined' })],
    ['our secret key', failure(401, invalid)],
    ['what our secret key may do', failure(403, invalid)],
  ])('is a payment that failed, gives the pieces back, and does so twice: %s', async (_, failsWith) => {
    const before = await at.available();
    at.stripe.failsWith = failsWith;
    for (let time = 0; time < 2; time += 1) {
      const { id, body, buyer } = await at.order(2);
      expect(body).toMatchObject({ status: 'cancelled', payment: { status: 'failed' } });
      expect(body.payment).not.toHaveProperty('redirectUrl');
      expect(await at.available()).toBe(before);
      expect((await at.payment(id)).detail).toContain('Stripe refused it');
      expect(await (await buyer.request(`/orders/${id}`)).text()).toContain('back into the bag');
      at.stripe.failsWith = undefined;
      await at.settle(id);
      expect(at.sessionsOf(id)).toEqual([]);
      at.stripe.failsWith = failsWith;
    }
  });

  test('is told to staff by Stripe’s own code and parameter', async () => {
    at.stripe.failsWith = failure(400, { ...invalid, code: 'email_invalid', param: 'customer_email' });
    const { id } = await at.order();
    expect((await at.payment(id)).detail).toBe(
      'Stripe refused it (email_invalid, customer_email): as Stripe says it',
    );
  });

  test('leaves a payment unknown where only the secret key was refused and an earlier attempt may have arrived', async () => {
    at.stripe.losesAnswers = true;
    const placed = await at.order();
    at.stripe.losesAnswers = false;
    at.stripe.secretKeys = ['sk_test_another'];
    await at.settle(placed.id);
    expect((await at.shown(placed)).payment.status).toBe('unknown');
    at.stripe.secretKeys = undefined;
    await at.settle(placed.id);
    expect((await at.shown(placed)).payment.status).toBe('pending');
    expect(at.sessionsOf(placed.id)).toHaveLength(1);
  });
});

describe('What Stripe may have carried out', () => {
  test.each([
    ['it failed by itself', failure(500, { type: 'api_error', message: 'Oh' })],
    ['it is not there', failure(503, { type: 'api_error', message: 'Later' })],
    ['it has too much to do', failure(429, { ...invalid, code: 'rate_limit' })],
    ['the key is in use at this moment', failure(409, { ...invalid, code: 'idempotency_key_in_use' })],
    ['it answers something else', failure(418, { type: 'teapot', message: 'Short and stout' })],
  ])('is unknown, keeps the pieces, and never becomes a refusal by asking: %s', async (_, failsWith) => {
    const before = await at.available();
    at.stripe.failsWith = failsWith;
    const placed = await at.order(2);
    expect(placed.body).toMatchObject({ status: 'placed', payment: { status: 'unknown' } });
    for (let time = 0; time < 2; time += 1) await at.settle(placed.id);
    expect((await at.shown(placed)).payment.status).toBe('unknown');
    expect(await at.available()).toBe(before - 2);
  });

  test('is one page, wherever the answer was cut, and with concurrent questions', async () => {
    let letGo = () => {};
    at.stripe.gate = new Promise((resolve) => {
      letGo = resolve;
    });
    const ordering = at.order();
    const orderId = await vi.waitFor(findAttempt, patience);
    const asking = at.settle(orderId);
    await vi.waitFor(() => expect(at.stripe.requests.at(-1)?.status).toBe(409), patience);
    letGo();
    at.stripe.gate = undefined;
    const placed = await ordering;
    await asking;
    await at.settle(orderId);
    expect(placed.id).toBe(orderId);
    expect((await at.shown(placed)).payment.status).toBe('pending');
    expect(at.sessionsOf(orderId)).toHaveLength(1);
  });
});

describe('A total that Stripe does not accept', () => {
  test.each([
    [49, 1, 'total-too-small'],
    [0, 1, 'total-too-small'],
    [1_100_000, 99, 'total-too-large'],
  ])('is refused before anything is ordered: %d cents, %d times', async (price, pieces, code) => {
    await at.setVariant({ price_amount: price });
    const buyer = at.shop.browser();
    await buyer.fill(at.shop.variants[0]!.id, pieces);
    const before = await at.available();
    const asked = at.stripe.requests.length;
    for (let time = 0; time < 2; time += 1) {
      const refused = await buyer.order(byCard, 'one-key');
      expect(refused).toMatchObject({
        status: 422,
        body: { code, min: { amount: 50, currency: 'EUR' }, max: { amount: 99_999_999, currency: 'EUR' } },
      });
    }
    expect([await at.available(), at.stripe.requests.length]).toEqual([before, asked]);
    expect((await buyer.get('/api/cart')).body.count).toBe(pieces);
    const elsewhere = await buyer.order({ payment: { provider: 'on-delivery' } });
    expect(elsewhere.status).toBe(201);
  });

  test.each([
    [50, 1],
    [1_010_101, 99],
  ])('is no total within the bounds: %d cents, %d times', async (price, pieces) => {
    await at.setVariant({ price_amount: price });
    const { body } = await at.order(pieces);
    expect(body).toMatchObject({ total: { amount: price * pieces }, payment: { status: 'pending' } });
  });

  test('is told on the checkout’s page, which keeps what was entered', async () => {
    await at.setVariant({ price_amount: 10 });
    const buyer = at.shop.browser();
    await buyer.fill(at.shop.variants[0]!.id);
    const entered = {
      email: 'a@example.com',
      name: 'A',
      line1: '1 Mill Lane',
      postalCode: '10115',
      city: 'Berlin',
    };
    const answer = await buyer.request('/checkout', {
      method: 'POST',
      headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...entered, country: 'DE', payment: 'stripe' }).toString(),
    });
    const page = await answer.text();
    expect(answer.status).toBe(422);
    expect(page).toContain('takes €0.50 or more');
    expect(page).toContain('1 Mill Lane');
  });
});
