// Staff see every unclear payment and can decide it: once, with a log entry, and never against an answer that came
// meanwhile.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Browser } from '../support/shop.ts';
import { openStripeShop, type PlacedOrder, type StripeShop } from '../support/stripe-shop.ts';

let at: StripeShop;
let staff: Browser;
beforeAll(async () => {
  at = await openStripeShop();
  staff = await at.shop.staff();
});
afterAll(() => at?.[Symbol.asyncDispose]());
beforeEach(() => {
  at.stripe.isAway = false;
});

const paid = { payment_status: 'paid', status: 'complete' } as const;
const page = async (path = '/staff/payments') => (await staff.request(path)).text();
const unclear = async (pieces = 1): Promise<PlacedOrder> => {
  at.stripe.losesAnswers = true;
  const placed = await at.order(pieces);
  at.stripe.losesAnswers = false;
  return placed;
};
const press = (id: string, deed: string, browser = staff) =>
  browser.request(`/staff/payments/${id}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'same-origin' },
    body: new URLSearchParams({ deed }).toString(),
  });
const decided = async (id: string, deed: string) => {
  const answer = await press(id, deed);
  expect(answer.status).toBe(303);
  return page(answer.headers.get('Location')!);
};
const changesOf = (id: string) =>
  at.shop.deps.db
    .selectFrom('staff_changes')
    .select(['before', 'after'])
    .where('subject', '=', `payment:${id}`)
    .execute();

describe('A payment that is unknown', () => {
  test('is listed with its reason, counted on the first page, and gone from there when it is known', async () => {
    const count = async () => Number(/Unclear payments<\/a> \((\d+)\)/.exec(await page('/staff'))![1]);
    const before = await count();
    const { id, body } = await unclear();
    expect(await count()).toBe(before + 1);
    const listed = await page();
    for (const text of [body.number, '€19.99', 'It was paid', 'It was not paid', 'Ask again'])
      expect(listed).toContain(text);
    await at.settle(id);
    expect(await page()).not.toContain(body.number);
    expect(await count()).toBe(before);
  });

  test('that was paid is paid, confirmed once however often it is pressed, and in the log', async () => {
    const placed = await unclear();
    for (let time = 0; time < 2; time += 1) {
      const said = await decided(placed.id, 'paid');
      expect(said).toContain(
        `The payment of order ${placed.body.number} is paid. Decided by staff@myclothes.test`,
      );
    }
    expect(await at.shown(placed)).toMatchObject({ status: 'paid', payment: { status: 'paid' } });
    expect(await at.mailsOf(placed.id)).toBe(1);
    expect(await changesOf(placed.id)).toEqual([
      { before: { payment: 'unknown' }, after: { payment: 'paid' } },
    ]);
    await at.settle(placed.id);
    expect((await at.shown(placed)).payment.status).toBe('paid');
  });

  test('that was not paid gives its pieces back once, and money that comes later goes back', async () => {
    const before = await at.available();
    const placed = await unclear(3);
    for (let time = 0; time < 2; time += 1) await decided(placed.id, 'not-paid');
    expect(await at.shown(placed)).toMatchObject({ status: 'cancelled', payment: { status: 'failed' } });
    expect(await at.available()).toBe(before);
    expect(await changesOf(placed.id)).toHaveLength(1);
    expect(await at.tell('checkout.session.completed', Object.assign(placed.session, paid))).toBe(204);
    await at.settle(placed.id);
    expect(await at.payment(placed.id)).toMatchObject({ status: 'failed', flag: 'refunded' });
  });

  test('is asked about again, and shown as it then is', async () => {
    const placed = await unclear();
    at.stripe.isAway = true;
    expect(await decided(placed.id, 'ask')).toContain('is still unclear');
    at.stripe.isAway = false;
    expect(await decided(placed.id, 'ask')).toContain('is open');
    expect((await at.shown(placed)).payment.status).toBe('pending');
    expect(await changesOf(placed.id)).toEqual([]);
  });

  test('is decided by one of two who press at the same moment', async () => {
    const before = await at.available();
    const placed = await unclear();
    const answers = await Promise.all([press(placed.id, 'paid'), press(placed.id, 'not-paid')]);
    expect(answers.map(({ status }) => status)).toEqual([303, 303]);
    const changes = await changesOf(placed.id);
    expect(changes).toHaveLength(1);
    const { status } = (await at.shown(placed)).payment;
    expect(changes[0]!.after).toEqual({ payment: status });
    expect(await at.available()).toBe(status === 'paid' ? before - 1 : before);
  });
});

describe('An answer that came meanwhile', () => {
  test.each(['paid', 'not-paid', 'paid-back'])('stands against “%s”', async (deed) => {
    const placed = await at.order();
    await decided(placed.id, deed);
    expect((await at.shown(placed)).payment).toEqual(placed.body.payment);
    Object.assign(placed.session, paid);
    await at.settle(placed.id);
    await decided(placed.id, deed);
    expect((await at.shown(placed)).payment.status).toBe('paid');
    expect(await changesOf(placed.id)).toEqual([]);
  });
});

describe('Money that is to be paid back', () => {
  const late = async () => {
    const placed = await at.order();
    await at.tell('checkout.session.expired', placed.session, { status: 'expired' });
    await at.tell('checkout.session.completed', Object.assign(placed.session, paid));
    return placed;
  };

  test('is listed until it was paid back, which can be tried at once', async () => {
    const placed = await late();
    at.stripe.isAway = true;
    expect(await decided(placed.id, 'ask')).toContain('its money is still to be paid back');
    expect(await page()).toContain(placed.body.number);
    at.stripe.isAway = false;
    expect(await decided(placed.id, 'ask')).toContain('its money was paid back');
    expect(await page()).not.toContain(placed.body.number);
  });

  test('can have been paid back by hand', async () => {
    const placed = await late();
    for (let time = 0; time < 2; time += 1) await decided(placed.id, 'paid-back');
    await at.settle(placed.id);
    expect(await at.payment(placed.id)).toMatchObject({ flag: 'refunded' });
    expect(at.stripe.refunds.filter(({ intent }) => intent === `pi_${placed.session.id}`)).toEqual([]);
    expect(await changesOf(placed.id)).toHaveLength(1);
  });
});

describe('The page', () => {
  test('is for staff only', async () => {
    const placed = await unclear();
    const stranger = at.shop.browser();
    expect((await stranger.request('/staff/payments')).status).toBe(303);
    expect((await press(placed.id, 'paid', stranger)).status).toBe(303);
    await stranger.signUp('stranger@example.com');
    expect((await stranger.request('/staff/payments')).status).toBe(403);
    expect((await press(placed.id, 'paid', stranger)).status).toBe(403);
    expect((await at.shown(placed)).payment.status).toBe('unknown');
  });

  test('takes no deed that it does not have', async () => {
    const placed = await unclear();
    for (const deed of ['', 'failed', 'unknown']) expect((await press(placed.id, deed)).status).toBe(422);
    expect((await at.shown(placed)).payment.status).toBe('unknown');
  });

  test.each(['987654321', 'x', '0'])('has no payment %s', async (id) => {
    for (const deed of ['ask', 'paid', 'paid-back']) expect((await press(id, deed)).status).toBe(404);
    expect((await staff.request(`/staff/payments?about=${id}`)).status).toBe(404);
  });
});
