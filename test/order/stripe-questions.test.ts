// What becomes of an open payment: a failed question changes nothing, pauses grow, pages close with the hold, and
// slow methods end.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { secretKey, webhookSecret } from '../../ops-scripts/drills/stripe-server.ts';
import { byCard, openStripeShop, type PlacedOrder, type StripeShop } from '../support/stripe-shop.ts';

let at: StripeShop;
beforeAll(async () => {
  at = await openStripeShop();
});
afterAll(() => at?.[Symbol.asyncDispose]());
const undisturbed = {
  failsWith: undefined,
  losesAnswers: false,
  isAway: false,
  secretKeys: undefined,
  expands: true,
};
afterEach(() => void Object.assign(at.stripe, undisturbed));

const paid = { payment_status: 'paid', status: 'complete' } as const;
const minutesOfHold = 40;
const dayMinutes = 24 * 60;
const statusOf = async (placed: PlacedOrder) => (await at.shown(placed)).payment.status;
const orderUnheard = async (): Promise<PlacedOrder> => {
  at.stripe.losesAnswers = true;
  const placed = await at.order();
  at.stripe.losesAnswers = false;
  return placed;
};
const error = (status: number, type: string) => ({ status, body: { error: { type, message: 'No' } } });

describe('A failed question about a page that is known', () => {
  test.each([
    ['is away', { isAway: true }],
    ['loses its answers', { losesAnswers: true }],
    ['fails by itself', { failsWith: error(500, 'api_error') }],
    ['has too much to do', { failsWith: error(429, 'rate_limit_error') }],
    ['refuses the question', { failsWith: error(400, 'invalid_request_error') }],
    ['does not find it', { failsWith: error(404, 'invalid_request_error') }],
    ['refuses our key', { secretKeys: ['sk_test_another'] }],
  ])(
    'leaves the payment pending with its link, twice, and it can be paid: Stripe %s',
    async (_, disturbance) => {
      const before = await at.available();
      const placed = await at.order();
      Object.assign(at.stripe, disturbance);
      for (let time = 0; time < 2; time += 1) await at.settle(placed.id, time);
      expect((await at.shown(placed)).payment).toEqual(placed.body.payment);
      expect(await (await placed.buyer.request(`/orders/${placed.id}`)).text()).toContain(placed.session.id);
      expect(await at.available()).toBe(before - 1);
      Object.assign(at.stripe, undisturbed);
      Object.assign(placed.session, paid);
      await at.settle(placed.id, 2);
      expect(await statusOf(placed)).toBe('paid');
    },
  );

  test('becomes unknown after a day without an answer, and is paid where Stripe says so at last', async () => {
    const placed = await at.order();
    Object.assign(placed.session, paid);
    at.stripe.isAway = true;
    await at.settle(placed.id, minutesOfHold + 60);
    expect(await statusOf(placed)).toBe('pending');
    await at.settle(placed.id, minutesOfHold + dayMinutes + 1);
    expect(await statusOf(placed)).toBe('unknown');
    at.stripe.isAway = false;
    await at.settle(placed.id, minutesOfHold + 2 * dayMinutes);
    expect(await statusOf(placed)).toBe('paid');
  });
});

describe('A provider that is no longer offered', () => {
  test('still answers for its orders, takes their webhooks, and no new order', async () => {
    const placed = [await at.order(), await at.order()];
    await using other = await openStripeShop(
      {
        PAYMENT_PROVIDERS: 'demo',
        STRIPE_SECRET_KEY: secretKey,
        STRIPE_WEBHOOK_SECRET: webhookSecret,
      },
      at.stripe,
    );
    const retired: Partial<typeof at.shop.deps.settings> = { paymentProviders: ['demo'] };
    Object.assign(placed[0]!.session, paid);
    await at.settle(placed[0]!.id, 0, retired);
    expect(await statusOf(placed[0]!)).toBe('paid');
    await at.settle(placed[1]!.id, 0, retired);
    expect((await at.shown(placed[1]!)).payment).toEqual(placed[1]!.body.payment);
    const session = { ...placed[1]!.session, client_reference_id: '987654321' };
    expect(await other.tell('checkout.session.completed', session)).toBe(204);
    const buyer = other.shop.browser();
    await buyer.fill(other.shop.variants[0]!.id);
    expect(await buyer.order(byCard)).toMatchObject({ status: 422, body: { code: 'unknown-provider' } });
  });

  test('whose keys are gone leaves its orders as they are', async () => {
    const placed = await at.order();
    for (let time = 0; time < 2; time += 1) await at.settle(placed.id, time, { stripe: undefined });
    expect((await at.shown(placed)).payment).toEqual(placed.body.payment);
    await at.settle(placed.id);
    expect(await statusOf(placed)).toBe('pending');
  });
});

describe('The page of Stripe', () => {
  test('closes when the hold ends, within what Stripe allows', async () => {
    const { id, session } = await at.order();
    const { expires_at: expiresAt } = await at.payment(id);
    expect(session.expires_at).toBe(Math.floor(expiresAt!.getTime() / 1_000));
    const minutes = (session.expires_at - session.created) / 60;
    expect(minutes).toBeGreaterThan(30);
    expect(minutes).toBeLessThanOrEqual(minutesOfHold);
  });

  test('that has closed unpaid ends the order and gives its pieces back, also where no webhook tells', async () => {
    const before = await at.available();
    const placed = await at.order(3);
    await at.settle(placed.id, minutesOfHold - 1);
    expect(await statusOf(placed)).toBe('pending');
    for (let time = 0; time < 2; time += 1) await at.settle(placed.id, minutesOfHold + 1);
    expect(await at.shown(placed)).toMatchObject({ status: 'cancelled', payment: { status: 'failed' } });
    expect(await at.available()).toBe(before);
  });

  test('that has closed is linked to no more, whether or not Stripe has said so', async () => {
    const placed = await at.order();
    const past = { expires_at: new Date(Date.now() - 1_000) };
    await at.shop.deps.db.updateTable('payments').set(past).where('order_id', '=', placed.id).execute();
    expect((await at.shown(placed)).payment).toEqual({ provider: 'stripe', status: 'pending' });
    const page = await (await placed.buyer.request(`/orders/${placed.id}`)).text();
    expect(page).not.toContain('checkout.stripe.example');
  });
});

describe('Questions about an open payment', () => {
  test('come with growing pauses, soon after the page has closed, and never more than one waits', async () => {
    const placed = await at.order();
    const { db } = at.shop.deps;
    const pauses: number[] = [];
    for (const minutes of [0, 1, 4, 10, 20, 39, 60, dayMinutes, 20 * dayMinutes]) {
      // Stripe goes on reporting the page as open.
      placed.session.expires_at += 30 * dayMinutes * 60;
      await db.deleteFrom('outbox').where('kind', '=', 'settle-payment').execute();
      for (let time = 0; time < 2; time += 1) await at.settle(placed.id, minutes);
      const questions = await at.questionsOf(placed.id);
      expect(questions).toHaveLength(1);
      pauses.push(questions[0]! / 1_000 - minutes * 60);
    }
    const expected = [30, 30, 120, 300, 600, 120, 1_800, 21_600, 21_600];
    for (const [index, pause] of pauses.entries())
      expect(Math.abs(pause - expected[index]!)).toBeLessThan(15);
  });

  test.each(['paid', 'failed'])('end when it is %s', async (end) => {
    const placed = await at.order();
    Object.assign(placed.session, end === 'paid' ? paid : { status: 'expired' });
    const { db } = at.shop.deps;
    await db.deleteFrom('outbox').where('kind', '=', 'settle-payment').execute();
    await at.settle(placed.id);
    expect([await statusOf(placed), await at.questionsOf(placed.id)]).toEqual([end, []]);
  });
});

describe('A method of payment that takes days', () => {
  const underway = { status: 'complete', payment_status: 'unpaid', intentStatus: 'processing' } as const;
  const begin = async (): Promise<PlacedOrder> => {
    const placed = await at.order();
    Object.assign(placed.session, underway);
    expect(await at.tell('checkout.session.completed', placed.session)).toBe(204);
    expect((await at.shown(placed)).payment).toEqual({ provider: 'stripe', status: 'pending' });
    return placed;
  };

  test('is pending without a link until its webhook says that it was paid, however often and in whatever order', async () => {
    const placed = await begin();
    await at.settle(placed.id, minutesOfHold + 1);
    expect(await statusOf(placed)).toBe('pending');
    const succeeded = { ...paid, intentStatus: 'succeeded' };
    for (let time = 0; time < 2; time += 1) {
      expect(await at.tell('checkout.session.async_payment_succeeded', placed.session, succeeded)).toBe(204);
      expect(await at.tell('checkout.session.completed', placed.session)).toBe(204);
    }
    expect([await statusOf(placed), await at.mailsOf(placed.id)]).toEqual(['paid', 1]);
  });

  test('has failed where its webhook says so, gives the pieces back once, and a late “completed” changes nothing', async () => {
    const before = await at.available();
    const placed = await begin();
    placed.session.intentStatus = 'requires_payment_method';
    for (let time = 0; time < 2; time += 1) {
      expect(await at.tell('checkout.session.async_payment_failed', placed.session)).toBe(204);
      expect(await at.tell('checkout.session.completed', placed.session, underway)).toBe(204);
    }
    expect(await at.shown(placed)).toMatchObject({ status: 'cancelled', payment: { status: 'failed' } });
    expect(await at.available()).toBe(before);
  });

  test.each([
    ['succeeded', 'paid'],
    ['processing', 'pending'],
    ['requires_action', 'pending'],
    ['requires_payment_method', 'failed'],
    ['canceled', 'failed'],
    ['of_next_year', 'unknown'],
  ])('ends through its payment intent where no webhook came: %s is %s', async (intentStatus, status) => {
    const placed = await begin();
    placed.session.intentStatus = intentStatus;
    for (let time = 0; time < 2; time += 1) await at.settle(placed.id, 3 * dayMinutes);
    expect(await statusOf(placed)).toBe(status);
    const named = await begin();
    named.session.intentStatus = intentStatus;
    at.stripe.expands = false;
    await at.settle(named.id, 3 * dayMinutes);
    expect(await statusOf(named)).toBe(status);
  });

  test('does not lead the shopper to the page again where an older answer arrives later', async () => {
    const placed = await begin();
    Object.assign(placed.session, { status: 'open', intentStatus: undefined });
    await at.settle(placed.id);
    expect((await at.shown(placed)).payment).toEqual({ provider: 'stripe', status: 'pending' });
  });
});

describe('A page whose id was never received', () => {
  test('is found among Stripe’s own once it has closed, also after its key was forgotten', async () => {
    for (const minutes of [minutesOfHold + 1, dayMinutes + 120]) {
      const closed = await orderUnheard();
      await at.settle(closed.id, minutes);
      expect(await statusOf(closed)).toBe('failed');
      const wasPaid = await orderUnheard();
      Object.assign(wasPaid.session, paid);
      await at.settle(wasPaid.id, minutes);
      expect(await statusOf(wasPaid)).toBe('paid');
      for (const { id } of [closed, wasPaid]) expect(at.sessionsOf(id)).toHaveLength(1);
    }
  });

  test('is found among hundreds', async () => {
    const placed = await orderUnheard();
    const others = Array.from({ length: 250 }, (_, index) => ({
      ...placed.session,
      id: `cs_test_other_${index}`,
      metadata: {},
    }));
    at.stripe.sessions.push(...others);
    Object.assign(placed.session, paid);
    await at.settle(placed.id, minutesOfHold + 1);
    expect(await statusOf(placed)).toBe('paid');
    at.stripe.sessions.splice(-others.length);
  });

  test('was never opened where Stripe has none, which gives the pieces back', async () => {
    const before = await at.available();
    at.stripe.isAway = true;
    const placed = await at.order();
    for (const minutes of [1, minutesOfHold + 1]) await at.settle(placed.id, minutes);
    expect(await statusOf(placed)).toBe('unknown');
    at.stripe.isAway = false;
    await at.settle(placed.id, minutesOfHold + 2);
    expect(await statusOf(placed)).toBe('failed');
    expect(await at.available()).toBe(before);
  });

  test('is asked for again while it can still be opened', async () => {
    at.stripe.isAway = true;
    const placed = await at.order();
    at.stripe.isAway = false;
    await at.settle(placed.id, 5);
    expect((await at.shown(placed)).payment).toHaveProperty('redirectUrl');
  });

  test('whose failure Stripe remembers is looked up once it has closed', async () => {
    at.stripe.failsWith = error(500, 'api_error');
    const placed = await at.order();
    at.stripe.failsWith = undefined;
    await at.settle(placed.id, 1);
    expect(await statusOf(placed)).toBe('unknown');
    await at.settle(placed.id, minutesOfHold + 1);
    expect(await statusOf(placed)).toBe('failed');
  });

  test('stays unknown where another account would have to tell', async () => {
    const before = await at.available();
    const placed = await orderUnheard();
    const { settings } = at.shop.deps;
    const stripe = { ...settings.stripe!, secretKey: 'sk_test_of_another_account' };
    for (let time = 0; time < 2; time += 1) await at.settle(placed.id, minutesOfHold + 1, { stripe });
    expect(await statusOf(placed)).toBe('unknown');
    expect((await at.payment(placed.id)).detail).toBe('It was asked for with another secret key');
    expect(await at.available()).toBe(before - 1);
  });
});
