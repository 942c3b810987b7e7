// Promotion codes: what they do, why one is refused, and that a code of n uses is used n times.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { changeOrder } from '../../origin/order/life/change-order.ts';
import type { Deed } from '../../origin/order/life/order-life.ts';
import { expireHold } from '../../origin/order/pay-order.ts';
import { anOrder, type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let staff: Browser;
let tee: string;
let coat: string;
beforeAll(async () => {
  shop = await openShop();
  staff = await shop.staff();
  tee = shop.variants[0]!.id;
  coat = shop.variants[2]!.id;
});
afterAll(() => shop[Symbol.asyncDispose]());
beforeEach(async () => {
  await shop.deps.db.updateTable('variants').set({ available: 1_000 }).execute();
});

const eur = (amount: number) => ({ amount, currency: 'EUR' });
let codes = 0;
/** @returns a code that no other test has */
const create = async (promotion: Record<string, unknown> = {}): Promise<{ code: string; id: string }> => {
  const code = `code-${++codes}`;
  const { status, body } = await staff.post('/api/staff/promotions', {
    code,
    kind: 'percent',
    value: 10,
    ...promotion,
  });
  expect([status, body]).toEqual([201, expect.objectContaining({ code: code.toUpperCase(), used: 0 })]);
  return { code, id: body.id };
};
const usedOf = async (id: string): Promise<number> =>
  (await staff.get('/api/staff/promotions')).body.items.find((one: Json) => one.id === id).used;
const withPieces = async (variantId: string, quantity = 1): Promise<Browser> => {
  const browser = shop.browser();
  await browser.fill(variantId, quantity);
  return browser;
};
const change = (orderId: string, deed: Deed) =>
  shop.deps.db.transaction().execute((tx) =>
    changeOrder({ tx, settings: shop.deps.settings }, orderId, {
      deed,
      by: { who: 'shop' },
      parcel: { carrier: 'Post' },
    }),
  );
const orderWith = async (code: string, change: Record<string, unknown> = {}, variantId = tee) =>
  (await withPieces(variantId)).order({ promotionCode: code, ...change });

describe('a code of n uses', () => {
  test('is used n times, whoever asks at once', async () => {
    const { code, id } = await create({ uses: 10 });
    const buyers = await Promise.all(Array.from({ length: 60 }, () => withPieces(tee)));
    const answers = await Promise.all(buyers.map((buyer) => buyer.orderAtLast({ promotionCode: code })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
    const refused = answers.filter(({ status }) => status !== 201);
    expect(new Set(refused.map(({ status, body }) => `${status} ${body.code} ${body.reason}`))).toEqual(
      new Set(['422 promotion-refused used-up']),
    );
    expect(await usedOf(id)).toBe(10);
  });

  test('is given back by an order that is refused or never paid, once, and used again', async () => {
    const { code, id } = await create({ uses: 1 });
    const declined = { payment: { provider: 'demo', outcome: 'declined' } };
    for (let round = 0; round < 3; round++) {
      expect((await orderWith(code, declined)).body).toMatchObject({ status: 'cancelled' });
      expect(await usedOf(id)).toBe(0);
    }
    const { body } = await orderWith(code);
    expect(await usedOf(id)).toBe(1);
    expect((await orderWith(code)).body.reason).toBe('used-up');
    await shop.deps.db
      .updateTable('payments')
      .set({ status: 'reserved', attempted_at: null })
      .where('order_id', '=', body.id)
      .execute();
    await shop.deps.db.updateTable('orders').set({ status: 'placed' }).where('id', '=', body.id).execute();
    await Promise.all([expireHold(shop.deps, body.id), expireHold(shop.deps, body.id)]);
    expect(await usedOf(id)).toBe(0);
    const bought = await orderWith(code);
    expect(bought.status).toBe(201);
    for (let again = 0; again < 2; again++) await change(bought.body.id, { what: 'cancel' });
    expect(await usedOf(id)).toBe(0);
  });

  test('is counted right while orders are placed and refused at the same moment', async () => {
    const { code, id } = await create({ uses: 8 });
    const buyers = await Promise.all(Array.from({ length: 40 }, () => withPieces(tee)));
    const answers = await Promise.all(
      buyers.map((buyer, index) =>
        buyer.orderAtLast({
          promotionCode: code,
          payment: { provider: 'demo', outcome: index % 2 === 0 ? 'paid' : 'declined' },
        }),
      ),
    );
    const standing = answers.filter(({ body }) => body.status === 'paid').length;
    expect(standing).toBeLessThanOrEqual(8);
    expect(await usedOf(id)).toBe(standing);
    for (let left = standing; left < 8; left++) expect((await orderWith(code)).status).toBe(201);
    expect((await orderWith(code)).body.reason).toBe('used-up');
  });

  test('is not used by an order that something else refuses', async () => {
    const { code, id } = await create({ uses: 1 });
    expect((await orderWith(code, { expectedTotal: eur(1) })).body.code).toBe('price-changed');
    expect((await orderWith(code, { shippingMethod: 'none' })).body.code).toBe('no-delivery-there');
    expect(await usedOf(id)).toBe(0);
  });

  test('for each customer is one for an e-mail or an account, in any case and at once', async () => {
    const { code, id } = await create({ usesPerCustomer: 1 });
    const emails = ['ada@example.com', 'ADA@example.com', 'Ada@Example.com', 'ada@example.com'];
    const answers = await Promise.all(emails.map((email) => orderWith(code, { email })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect((await orderWith(code, { email: 'grace@example.com' })).status).toBe(201);
    const person = await withPieces(tee);
    await person.signUp('member@example.com');
    expect((await person.order({ promotionCode: code, email: 'one@example.com' })).status).toBe(201);
    await person.fill(tee);
    const again = await person.order({ promotionCode: code, email: 'another@example.com' });
    expect(again.body.reason).toBe('used-by-you');
    expect(await usedOf(id)).toBe(3);
    await person.delete('/api/account');
    const rows = await shop.deps.db.selectFrom('promotion_uses').selectAll().execute();
    expect(rows.filter(({ customer }) => customer === 'one@example.com')).toEqual([]);
  });
});

describe('an order with a code', () => {
  test('costs less by it, in any writing of the code, and keeps that when the code is deleted', async () => {
    const { code, id } = await create({ value: 25 });
    const browser = await withPieces(tee, 2);
    const written = ` ${code.toUpperCase().replace('CODE', 'ＣＯＤＥ')} `;
    const { body } = await browser.order({ promotionCode: written });
    expect(body).toMatchObject({
      discount: { code: code.toUpperCase(), amount: eur(1_000) },
      total: eur(2_998),
    });
    expect(body.tax).toEqual([{ rate: 23, net: eur(2_437), tax: eur(561) }]);
    expect((await staff.delete(`/api/staff/promotions/${id}`)).status).toBe(204);
    expect((await browser.get(`/api/orders/${body.id}`)).body).toEqual(body);
    expect((await orderWith(code)).body.reason).toBe('unknown-code');
  });

  test.each([
    ['takes its amount', { kind: 'amount', value: 500 }, {}, 1_499],
    ['takes its amount where it is written as money', { kind: 'amount', value: eur(500) }, {}, 1_499],
    ['makes express free', { kind: 'free-shipping' }, { shippingMethod: 'express' }, 1_999],
    ['is for its products by address', { products: ['plain-tee'] }, {}, 1_799],
    ['is for its categories', { categories: ['shirts'] }, {}, 1_799],
  ])('%s', async (_what, promotion, change, total) => {
    const { code } = await create(promotion);
    expect((await orderWith(code, change)).body.total).toEqual(eur(total));
  });

  test.each([
    ['unknown-code', undefined],
    ['not-yet', { startsAt: '2999-01-01T00:00:00Z' }],
    ['ended', { endsAt: '2020-01-01T00:00:00+02:00' }],
    ['below-minimum', { minTotal: eur(2_000) }],
    ['not-for-these', { products: ['wool-coat'] }],
    ['not-for-these', { categories: ['trousers'], kind: 'free-shipping', value: 0 }],
  ])('is refused for the reason %s, and keeps the cart', async (reason, promotion) => {
    const code = promotion === undefined ? 'no-such-code' : (await create(promotion)).code;
    const browser = await withPieces(tee);
    const { status, body } = await browser.order({ promotionCode: code });
    expect([status, body.code, body.reason]).toEqual([422, 'promotion-refused', reason]);
    const preview = await browser.post('/api/promotions/preview', { code });
    expect([preview.status, preview.body.reason]).toEqual([422, reason]);
    expect((await browser.get('/api/cart')).body.count).toBe(1);
  });
});

test('What comes back is paid back at what it cost: less its own discount, and no more of a delivery that was free', async () => {
  const returnOf = async (browser: Browser, order: Json, variantId: string) => {
    const lines = [{ variantId, quantity: 1, restock: true }];
    await change(order.id, { what: 'ship' });
    const asked = { what: 'request-return', lines, returnDays: 14, nowMs: Date.now() } as const;
    const { returnId } = await change(order.id, asked);
    await change(order.id, { what: 'receive-return', id: returnId!, lines });
    return (await browser.get(`/api/orders/${order.id}`)).body.refunds[0].amount;
  };
  const half = await create({ value: 50, products: ['wool-coat'] });
  const browser = await withPieces(tee);
  await browser.fill(coat);
  const { body: both } = await browser.order({ promotionCode: half.code });
  expect(await returnOf(browser, both, coat)).toEqual(eur(9_950));
  const free = await create({ kind: 'free-shipping' });
  const other = await withPieces(tee, 2);
  const { body: two } = await other.order({ promotionCode: free.code, shippingMethod: 'express' });
  expect([two.total, await returnOf(other, two, tee)]).toEqual([eur(3_998), eur(1_999)]);
});

test('A preview tells what the order then costs, and uses nothing up', async () => {
  const { code, id } = await create({ uses: 1, minTotal: 20_000, products: ['wool-coat'] });
  const browser = await withPieces(tee);
  await browser.fill(coat);
  const previews = [];
  for (let round = 0; round < 3; round++)
    previews.push((await browser.post('/api/promotions/preview', { code, country: 'IE' })).body);
  expect(previews[2]).toMatchObject({
    subtotal: eur(21_899),
    discount: { code: code.toUpperCase(), amount: eur(1_990) },
    shipping: { method: 'standard', price: eur(0) },
    total: eur(19_909),
  });
  for (const country of ['US', 'xx'])
    expect((await browser.post('/api/promotions/preview', { code, country })).body).toMatchObject({
      status: 422,
      code: 'no-delivery-there',
    });
  expect(await usedOf(id)).toBe(0);
  const { body } = await browser.order({ promotionCode: code, expectedTotal: previews[0].total });
  expect([body.total, body.tax]).toEqual([previews[0].total, previews[0].tax]);
  const { body: lines } = await browser.get(`/api/orders/${body.id}`);
  expect(lines.discount.amount).toEqual(eur(1_990));
});

describe('staff', () => {
  test('change a code member by member, and are refused what does not fit together', async () => {
    const { code, id } = await create({ uses: 5, endsAt: '2100-01-01T00:00:00Z' });
    const at = `/api/staff/promotions/${id}`;
    const changed = await staff.patch(at, { value: 20, uses: null, products: [] });
    expect(changed.body).toEqual({
      id,
      code: code.toUpperCase(),
      kind: 'percent',
      value: 20,
      endsAt: '2100-01-01T00:00:00.000Z',
      used: 0,
    });
    for (const wrong of [{ value: 101 }, { value: 0 }, { startsAt: '2100-01-02T00:00:00Z' }, { used: 0 }])
      expect((await staff.patch(at, wrong)).body.code).toBe('invalid-body');
    expect((await staff.patch(at, {})).body).toEqual(changed.body);
    const twice = await staff.post('/api/staff/promotions', { code: ` ${code} `, kind: 'amount', value: 1 });
    expect([twice.status, twice.body.code]).toEqual([409, 'code-taken']);
  });

  test('create one code for one key', async () => {
    const body = { code: 'once', kind: 'amount', value: 100 };
    const key = { 'Idempotency-Key': 'one-promotion' };
    const first = await staff.post('/api/staff/promotions', body, key);
    expect(await staff.post('/api/staff/promotions', body, key)).toMatchObject({
      status: 201,
      body: first.body,
    });
  });

  test('create, change and delete a code by the pages’ forms', async () => {
    const send = async (browser: Browser, path: string, values: Record<string, string>) => {
      const response = await browser.request(path, {
        method: 'POST',
        headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(values).toString(),
      });
      return { status: response.status, to: response.headers.get('Location'), page: await response.text() };
    };
    const form = {
      code: 'form',
      kind: 'amount',
      value: '5',
      minTotal: '20,50',
      startsAt: '2026-01-01T08:00',
    };
    const wrong = await send(staff, '/staff/promotions', { ...form, value: 'much' });
    expect([wrong.status, wrong.page.includes('id="value-fault"')]).toEqual([422, true]);
    expect((await send(staff, '/staff/promotions', form)).to).toBe('/staff/promotions?saved=FORM');
    const { body } = await staff.get('/api/staff/promotions');
    expect(body.items[0]).toMatchObject({
      code: 'FORM',
      value: 500,
      minTotal: eur(2_050),
      startsAt: '2026-01-01T08:00:00.000Z',
    });
    const at = `/staff/promotions/${body.items[0].id}`;
    expect(await (await staff.request(at)).text()).toContain('value="20.50"');
    expect((await send(staff, at, { ...form, uses: '7', categories: 'shirts, trousers' })).status).toBe(303);
    const after = (await staff.get('/api/staff/promotions')).body.items[0];
    expect(after).toMatchObject({ uses: 7, categories: ['shirts', 'trousers'] });
    expect((await send(staff, at, { deed: 'delete' })).to).toBe('/staff/promotions?deleted=FORM');
    expect((await staff.request(at)).status).toBe(404);
  });
});

test('The page of checkout says what a code did or why it does not hold, and orders at the total that it shows', async () => {
  const { code } = await create({ value: 50 });
  const browser = await withPieces(tee);
  const entered = {
    email: 'ada@example.com',
    ...{ ...anOrder.shippingAddress, line2: '' },
    payment: 'demo:paid',
    shipping: 'express',
  };
  const send = async (values: Record<string, string>) => {
    const response = await browser.request('/checkout', {
      method: 'POST',
      headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...entered, ...values }).toString(),
    });
    return { status: response.status, to: response.headers.get('Location'), page: await response.text() };
  };
  const hidden = (page: string) =>
    Object.fromEntries(
      [
        ...page
          .slice(page.indexOf('action="/checkout"'))
          .matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g),
      ].map(([, name, value]) => [name!, value!]),
    );
  const plain = await (await browser.request('/checkout')).text();
  const unknown = await send({ ...hidden(plain), code: 'no-such', update: 'code' });
  expect([unknown.status, unknown.page.includes('We do not know this code.')]).toEqual([200, true]);
  const applied = await send({ ...hidden(plain), code, update: 'code' });
  expect(applied.page).toContain(`${code.toUpperCase()} takes off €10.00.`);
  expect(applied.page).toContain('€19.89');
  // A code that was typed but not applied yet is shown with its total first, as is an invalid one.
  const untold = await send({ ...hidden(plain), code });
  expect([untold.status, untold.page.includes('it is now €19.89 instead of €29.89')]).toEqual([409, true]);
  expect((await send({ ...hidden(plain), code: 'no-such' })).status).toBe(422);
  expect((await send({ ...hidden(applied.page), code })).to).toMatch(/^\/orders\//);
  const { items } = (await browser.get('/api/orders')).body;
  expect(items.map(({ total }: Json) => total)).toEqual([eur(1_989)]);
  const page = await (await browser.request(`/orders/${items[0].id}`)).text();
  expect(page).toContain(`Code ${code.toUpperCase()}`);
  expect(page).toContain('−€10.00');
});
