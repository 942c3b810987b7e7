// An order after the purchase, by the API: shipped, delivered, cancelled, refunded and sent back. Each deed happens
// once, with its mail and its row of history.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { orderLink, prepareOrderLink } from '../../origin/order/guest-orders.ts';
import { settlePayment } from '../../origin/order/pay-order.ts';
import { deliverMail } from '../../worker/jobs.ts';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

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
afterAll(() => shop?.[Symbol.asyncDispose]());
beforeEach(() => shop.deps.db.updateTable('variants').set({ available: 50 }).execute());

const euros = (amount: number) => ({ amount, currency: 'EUR' });
const atTheDoor = { payment: { provider: 'on-delivery' } };
const day = 86_400_000;
const daysAgo = (days: number) => new Date(Date.now() - days * day).toISOString();
const available = async (id = tee) => {
  const row = shop.deps.db.selectFrom('variants').select('available').where('id', '=', id);
  return (await row.executeTakeFirstOrThrow()).available;
};

/** Two tees and a coat, ordered by a guest: €238.98. */
async function order(
  change: Record<string, unknown> = {},
): Promise<{ buyer: Browser; order: Json; id: string }> {
  const buyer = shop.browser();
  await buyer.fill(coat);
  const placed = await buyer.buy(tee, 2, change);
  return { buyer, order: placed, id: placed.id };
}
const deed = (id: string, what: string, body: object, key: string = randomUUID()) =>
  staff.post(`/api/staff/orders/${id}/${what}`, body, { 'Idempotency-Key': key });
const seen = async (id: string) => (await staff.get(`/api/staff/orders/${id}`)).body;
const ship = async (id: string, body: object = {}) =>
  (await deed(id, 'shipments', { carrier: 'DHL', ...body })).body;
async function deliver(id: string, deliveredAt = new Date().toISOString()): Promise<void> {
  for (const shipment of (await seen(id)).shipments) {
    const path = `/api/staff/orders/${id}/shipments/${shipment.id}`;
    expect((await staff.patch(path, { deliveredAt })).status).toBe(200);
  }
}
async function delivered(change = {}): Promise<{ buyer: Browser; id: string }> {
  const placed = await order(change);
  await ship(placed.id);
  await deliver(placed.id);
  return placed;
}
async function templatesOf(id: string): Promise<string[]> {
  const rows = await shop.deps.db
    .selectFrom('outbox')
    .select('payload')
    .where('kind', '=', 'mail')
    .orderBy('id')
    .execute();
  const mails = rows.map(({ payload }) => payload as { template: string; data: { orderId?: string } });
  return mails.filter(({ data }) => data.orderId === id).map(({ template }) => template);
}
const historyOf = async (id: string): Promise<string[]> =>
  (await seen(id)).events.map(({ what }: { what: string }) => what);

describe('Shipping', () => {
  test('in two parts, with tracking, is told to the shopper and kept in the history', async () => {
    const { buyer, id } = await order();
    const first = await deed(id, 'shipments', {
      lines: [{ variantId: tee, quantity: 1 }],
      carrier: 'DHL',
      trackingNumber: '0034',
      trackingUrl: 'https://carrier.example/0034',
    });
    expect(first).toMatchObject({ status: 201, body: { fulfilment: 'partly-shipped' } });
    expect(
      (await deed(id, 'shipments', { lines: [{ variantId: tee, quantity: 2 }], carrier: 'DHL' })).body,
    ).toMatchObject({
      code: 'shipment-too-large',
      lines: [{ variantId: tee, quantity: 1 }],
    });
    const second = await ship(id, { carrier: 'UPS' });
    expect(second.fulfilment).toBe('shipped');
    expect((await deed(id, 'shipments', { carrier: 'UPS' })).body.code).toBe('already-shipped');
    const shown = (await buyer.get(`/api/orders/${id}`)).body;
    expect(shown.shipments).toMatchObject([
      {
        carrier: 'DHL',
        trackingUrl: 'https://carrier.example/0034',
        lines: [{ variantId: tee, quantity: 1 }],
      },
      {
        carrier: 'UPS',
        lines: [
          { variantId: tee, quantity: 1 },
          { variantId: coat, quantity: 1 },
        ],
      },
    ]);
    await deliver(id);
    await deliver(id);
    expect((await buyer.get(`/api/orders/${id}`)).body.fulfilment).toBe('delivered');
    expect(await templatesOf(id)).toEqual([
      'order-confirmation',
      'order-shipped',
      'order-shipped',
      'order-delivered',
      'order-delivered',
    ]);
    const { events } = await seen(id);
    expect(events.map(({ who, what }: Json) => [who, what]).slice(0, 4)).toEqual([
      ['shopper', 'placed'],
      ['demo', 'paid'],
      ['staff@myclothes.test', 'shipped'],
      ['staff@myclothes.test', 'shipped'],
    ]);
  });

  test('that is asked for twice under one key, or by two of the staff at once, sends one parcel', async () => {
    const { id } = await order();
    const key = randomUUID();
    const body = { carrier: 'DHL' };
    const same = await Promise.all([deed(id, 'shipments', body, key), deed(id, 'shipments', body, key)]);
    expect(same.map(({ status }) => status)).toEqual([201, 201]);
    expect((await seen(id)).shipments).toHaveLength(1);
    const other = await order();
    const answers = await Promise.all([1, 2].map(() => deed(other.id, 'shipments', body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  test('waits for the money, but not for that at the door, which may come in parts and never twice', async () => {
    const unclear = await order({ payment: { provider: 'demo', outcome: 'unknown' } });
    expect((await deed(unclear.id, 'shipments', { carrier: 'DHL' })).body.code).toBe('not-paid');
    expect((await deed(unclear.id, 'payments', { amount: euros(1) })).body.code).toBe('not-at-the-door');
    const { id } = await order(atTheDoor);
    await ship(id);
    expect(await deed(id, 'payments', { amount: euros(10_000), reference: 'B-1' })).toMatchObject({
      status: 201,
      body: { paid: euros(10_000), status: 'placed', payment: { status: 'pending' } },
    });
    expect((await deed(id, 'payments', { amount: euros(13_899) })).body.code).toBe('payment-too-large');
    const rest = await deed(id, 'payments', { amount: euros(13_898) });
    expect(rest.body).toMatchObject({ paid: euros(23_898), status: 'paid', payment: { status: 'paid' } });
    expect((await deed(id, 'payments', { amount: euros(1) })).body.code).toBe('already-paid');
    expect(await templatesOf(id)).toEqual(['order-confirmation', 'order-shipped', 'order-paid']);
  });
});

describe('Cancelling', () => {
  test('brings pieces and money back once, however often it is asked, and is too late after shipping', async () => {
    const before = await available();
    const { buyer, id } = await order();
    const cancel = () => buyer.post(`/api/orders/${id}/cancellation`, { reason: 'Ordered twice' });
    const answers = await Promise.all([
      cancel(),
      cancel(),
      deed(id, 'cancellation', { reason: 'Asked by phone' }),
    ]);
    for (const answer of answers)
      expect(answer).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    expect((await buyer.post(`/api/orders/${id}/cancellation`)).body).toMatchObject({
      paid: euros(23_898),
      refunds: [{ amount: euros(23_898), status: 'done' }],
    });
    expect(await available()).toBe(before);
    expect(await historyOf(id)).toEqual(['placed', 'paid', 'cancelled', 'refund-begun', 'refunded']);
    expect(await templatesOf(id)).toEqual(['order-confirmation', 'order-cancelled', 'order-refunded']);
    expect((await deed(id, 'shipments', { carrier: 'DHL' })).body.code).toBe('order-cancelled');

    const late = await order();
    await ship(late.id, { lines: [{ variantId: tee, quantity: 1 }] });
    expect(await late.buyer.post(`/api/orders/${late.id}/cancellation`)).toMatchObject({
      status: 409,
      body: { code: 'already-shipped' },
    });
  });

  test('while the payment is unclear keeps the pieces until it is known, then pays back', async () => {
    const before = await available();
    const { buyer, id } = await order({ payment: { provider: 'demo', outcome: 'unknown' } });
    // The demo provider says only later that the order was paid.
    await shop.deps.db
      .updateTable('payments')
      .set({ provider: 'stripe' })
      .where('order_id', '=', id)
      .execute();
    const cancelled = await buyer.post(`/api/orders/${id}/cancellation`);
    expect(cancelled.body).toMatchObject({
      status: 'cancelled',
      payment: { status: 'unknown' },
      refunds: [],
    });
    expect(await available()).toBe(before - 2);
    await shop.deps.db.updateTable('payments').set({ provider: 'demo' }).where('order_id', '=', id).execute();
    await settlePayment(shop.deps, id);
    await settlePayment(shop.deps, id);
    expect((await buyer.get(`/api/orders/${id}`)).body).toMatchObject({
      status: 'cancelled',
      payment: { status: 'paid' },
      refunds: [{ amount: euros(23_898) }],
    });
    expect(await available()).toBe(before);
    expect(await templatesOf(id)).toEqual(['order-cancelled']);
  });

  test('of an order that is paid at the door owes nothing, or what was taken', async () => {
    const { buyer, id } = await order(atTheDoor);
    expect((await buyer.post(`/api/orders/${id}/cancellation`)).body).toMatchObject({
      status: 'cancelled',
      payment: { status: 'failed' },
      refunds: [],
    });
    const partly = await order(atTheDoor);
    await deed(partly.id, 'payments', { amount: 5_000 });
    expect(
      (await deed(partly.id, 'cancellation', { reason: 'Changed her mind' })).body.refunds,
    ).toMatchObject([{ amount: euros(5_000), status: 'done' }]);
  });
});

describe('A refund', () => {
  test('of parts is never more than was paid, with pieces back in stock where staff say so', async () => {
    const { id } = await order();
    const before = await available();
    await ship(id);
    const part = await deed(id, 'refunds', {
      amount: euros(1_999),
      reason: 'A seam was open',
      restock: [{ variantId: tee, quantity: 1 }],
    });
    expect(part).toMatchObject({
      status: 201,
      body: { refunds: [{ amount: euros(1_999), reason: 'A seam was open', status: 'done' }] },
    });
    expect(await available()).toBe(before + 1);
    expect((await deed(id, 'refunds', { amount: euros(21_900), reason: 'x' })).body.code).toBe(
      'refund-too-large',
    );
    expect(
      (await deed(id, 'refunds', { amount: 1, reason: 'x', restock: [{ variantId: tee, quantity: 2 }] })).body
        .code,
    ).toBe('restock-too-large');
    const both = await Promise.all(
      [1, 2].map(() => deed(id, 'refunds', { amount: euros(21_899), reason: 'All' })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([201, 422]);
    expect((await deed(id, 'refunds', { amount: euros(1), reason: 'x' })).body.code).toBe('refund-too-large');
    expect(await templatesOf(id)).toEqual([
      'order-confirmation',
      'order-shipped',
      'order-refunded',
      'order-refunded',
    ]);
  });
});

describe('A return', () => {
  const oneTee = { lines: [{ variantId: 'tee', quantity: 1 }] };
  const announce = (buyer: Browser, id: string, quantity = 1, extra: object = {}) =>
    buyer.post(`/api/orders/${id}/returns`, { ...oneTee, lines: [{ variantId: tee, quantity }], ...extra });
  const receive = (id: string, lines: object[]) => staff.post(`/api/staff/returns/${id}/receipt`, { lines });

  test('is announced, arrives, and is paid back once; what is good is in stock again', async () => {
    const { buyer, id } = await delivered();
    const before = await available();
    const key = randomUUID();
    const body = { lines: [{ variantId: tee, quantity: 2 }], reason: 'Too small' };
    const asked = await Promise.all(
      [1, 2].map(() => buyer.post(`/api/orders/${id}/returns`, body, { 'Idempotency-Key': key })),
    );
    for (const answer of asked)
      expect(answer).toMatchObject({ status: 201, body: { status: 'requested', lines: [{ quantity: 2 }] } });
    const { id: returnId, number } = asked[0]!.body;
    expect(asked[1]!.body.id).toBe(returnId);
    expect((await announce(buyer, id)).body.code).toBe('return-too-large');
    expect((await receive(returnId, [{ variantId: tee, quantity: 3 }])).body.code).toBe('return-too-large');
    const received = await Promise.all(
      [1, 2].map(() =>
        receive(returnId, [
          { variantId: tee, quantity: 1, restock: true },
          { variantId: tee, quantity: 1, restock: false },
        ]),
      ),
    );
    expect(received.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await available()).toBe(before + 1);
    expect((await buyer.get(`/api/orders/${id}`)).body).toMatchObject({
      refunds: [{ amount: euros(3_998), status: 'done' }],
      returns: [{ id: returnId, number, status: 'refunded' }],
    });
    expect((await templatesOf(id)).slice(3)).toEqual([
      'return-requested',
      'return-received',
      'order-refunded',
    ]);
  });

  test('that is refused says why, and the pieces may be announced again', async () => {
    const { buyer, id } = await delivered();
    const first = (await announce(buyer, id, 2)).body;
    const refuse = () => staff.post(`/api/staff/returns/${first.id}/refusal`, { reason: 'It was worn' });
    expect(await refuse()).toMatchObject({ status: 200, body: { status: 'refused' } });
    expect((await refuse()).body.code).toBe('return-closed');
    expect((await announce(buyer, id, 2)).body.number).toBe(`${first.number.replace(/1$/, '')}2`);
    expect((await staff.post('/api/staff/returns/999999/refusal', { reason: 'x' })).status).toBe(404);
  });

  test('is possible for fourteen days after delivery, and not before anything was shipped', async () => {
    const { buyer, id } = await order();
    expect((await announce(buyer, id)).body.code).toBe('not-shipped');
    await ship(id);
    expect((await announce(buyer, id)).status).toBe(201);
    await deliver(id, daysAgo(15));
    expect(await announce(buyer, id)).toMatchObject({ status: 409, body: { code: 'too-late' } });
    await deliver(id, daysAgo(13));
    expect((await announce(buyer, id)).status).toBe(201);
  });
});

describe('Everyone who may see an order', () => {
  test('may cancel it and send it back: by the key of a mail too, and nobody else', async () => {
    const { id, order: placed } = await order();
    const link = new URL(orderLink(shop.deps.settings, placed));
    const byKey = (what: string, body: object, key = link.searchParams.get('key')!, headers = {}) =>
      shop.browser().post(`/api/orders/${id}/${what}?${new URLSearchParams({ key })}`, body, headers);
    const stranger = shop.browser();
    await stranger.signUp(`${randomUUID()}@example.com`);
    expect((await stranger.post(`/api/orders/${id}/cancellation`)).status).toBe(404);
    expect((await byKey('cancellation', {}, 'wrong')).status).toBe(404);
    await ship(id);
    const headers = { 'Idempotency-Key': randomUUID() };
    const body = { lines: [{ variantId: tee, quantity: 1 }] };
    const first = await byKey('returns', body, undefined, headers);
    expect((await byKey('returns', body, undefined, headers)).body).toEqual(first.body);
    expect((await seen(id)).returns).toHaveLength(1);
    expect((await byKey('cancellation', {})).body.code).toBe('already-shipped');
  });

  test('gets its link by number and e-mail, as people type them; the answer is the same for all', async () => {
    const { order: placed, id } = await order({ email: 'Ada@Example.com' });
    const ask = (number: string, email: string) =>
      shop.browser().post('/api/order-lookups', { number, email });
    const numbers = [placed.number.toLowerCase(), placed.number.replaceAll('-', ' '), 'MC-00000-00000'];
    const answers = await Promise.all(numbers.map((number) => ask(number, 'ada@example.com')));
    answers.push(await ask(placed.number, 'eve@example.com'));
    for (const { status, body } of answers) expect([status, body]).toEqual([202, '']);
    const rows = await shop.deps.db
      .selectFrom('outbox')
      .select('payload')
      .where('kind', '=', 'mail')
      .execute();
    const asked = rows.map(({ payload }) => payload as { to: string; template: string; data: object });
    const found: string[] = [];
    for (const payload of asked.filter(({ template }) => template === 'order-link')) {
      const mail = await prepareOrderLink(shop.deps, payload.to, payload.data as Record<string, unknown>);
      if (mail !== undefined) found.push(JSON.stringify(mail.paragraphs));
    }
    expect(found).toHaveLength(2);
    for (const text of found) expect(text).toContain(`/orders/${id}?key=`);
  });
});

test('Every mail about an order can be written, also twice', async () => {
  const { buyer, id } = await delivered();
  const asked = await buyer.post(`/api/orders/${id}/returns`, { lines: [{ variantId: tee, quantity: 1 }] });
  await staff.post(`/api/staff/returns/${asked.body.id}/receipt`, {
    lines: [{ variantId: tee, quantity: 1 }],
  });
  const other = await buyer.post(`/api/orders/${id}/returns`, { lines: [{ variantId: tee, quantity: 1 }] });
  await staff.post(`/api/staff/returns/${other.body.id}/refusal`, { reason: 'It was worn' });
  const cancelled = await order(atTheDoor);
  await deed(cancelled.id, 'payments', { amount: 23_898 });
  await cancelled.buyer.post(`/api/orders/${cancelled.id}/cancellation`);
  const rows = await shop.deps.db
    .selectFrom('outbox')
    .select(['id', 'payload'])
    .where('kind', '=', 'mail')
    .orderBy('id')
    .execute();
  const ours = rows.filter(({ payload }) =>
    [id, cancelled.id].includes((payload as { data: { orderId: string } }).data.orderId),
  );
  for (const row of [...ours, ...ours])
    await deliverMail(shop.deps, row.payload as never, { id: row.id, signal: AbortSignal.timeout(5_000) });
  expect(ours).toHaveLength(12);
});

describe('The list of orders', () => {
  test('finds by number, e-mail, name and SKU, filters, and pages without skipping', async () => {
    const number = Math.random().toString(36).slice(2, 8);
    const email = `q-${number}@example.org`;
    const address = { line1: '1 Rue', city: 'Paris', postalCode: '75001', country: 'FR' };
    const shippingAddress = { ...address, name: `Zoë O’Hara-${number}` };
    const ids: string[] = [];
    for (let time = 0; time < 5; time += 1) ids.unshift((await order({ email, shippingAddress })).id);
    await ship(ids[0]!);
    await staff.post(`/api/staff/orders/${ids[1]}/cancellation`, { reason: 'x' });
    const list = async (query: Record<string, string>) => {
      const { status, body } = await staff.get(`/api/staff/orders?${new URLSearchParams(query)}`);
      expect([query, status]).toEqual([query, 200]);
      return body;
    };
    const idsOf = async (query: Record<string, string>) =>
      (await list(query)).items.map(({ id }: { id: string }) => id);
    expect(await idsOf({ q: email })).toEqual(ids);
    expect(await idsOf({ q: `zoe ${number}` })).toEqual(ids);
    const { number: whole } = await seen(ids[2]!);
    for (const q of [whole, whole.toLowerCase(), whole.replaceAll('-', ''), whole.slice(0, 8), ` ${whole} `])
      expect(await idsOf({ q })).toContain(ids[2]);
    expect(await idsOf({ q: 'plain-tee-s', limit: '2' })).toEqual(ids.slice(0, 2));
    expect(await idsOf({ q: email, fulfilment: 'shipped' })).toEqual([ids[0]]);
    expect(await idsOf({ q: email, status: 'cancelled' })).toEqual([ids[1]]);
    expect(await idsOf({ q: email, payment: 'failed' })).toEqual([]);
    // They may have been placed on the other side of midnight.
    const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
    const [from, to] = [dayOf(Date.now() - 600_000), dayOf(Date.now())];
    expect(await idsOf({ q: email, from, to })).toEqual(ids);
    expect(await idsOf({ q: email, to: daysAgo(1) })).toEqual([]);
    for (const q of ['%', "'; drop", '\\', 'a b c d', ':*', '🧥', 'é'.repeat(90)])
      expect(await idsOf({ q, email: '' })).toBeDefined();

    const paged: string[] = [];
    let cursor = '';
    do {
      const page = await list({ q: email, limit: '2', ...(cursor ? { cursor } : {}) });
      paged.push(...page.items.map(({ id }: { id: string }) => id));
      cursor = page.nextCursor ?? '';
    } while (cursor !== '');
    expect(paged).toEqual(ids);
    const page = await list({ limit: '2' });
    const wrong = await staff.get(
      `/api/staff/orders?${new URLSearchParams({ q: 'x', cursor: page.nextCursor })}`,
    );
    expect(wrong.body.code).toBe('bad-cursor');
    // The query as the documentation writes it, and as programs send it with empty values.
    const none = 'q=&status=&fulfilment=&payment=&from=&to=&cursor=&limit=';
    expect((await staff.get(`/api/staff/orders?${none}`)).body.items.length).toBeGreaterThan(2);
    for (const query of ['status=lost', 'limit=101', 'from=yesterday', 'cursor=x'])
      expect((await staff.get(`/api/staff/orders?${query}`)).status).toBe(400);
  });
});

test('An amount or a link that cannot be meant is refused in words of its own, and what is left out may be null or empty', async () => {
  const { id } = await order();
  for (const what of ['refunds', 'payments'])
    for (const amount of [0, -5, 1.5, '12', euros(0), euros(-1), { amount: 5, currency: 'USD' }, null]) {
      const { status, body } = await deed(id, what, {
        amount,
        ...(what === 'refunds' && { reason: '’ ® / &' }),
      });
      expect([what, amount, status, body.code, body.detail]).toEqual([
        what,
        amount,
        422,
        'invalid-body',
        expect.stringMatching(/must be (at least|an amount)/),
      ]);
    }
  for (const trackingUrl of ['javascript:alert(1)', 'ftp://carrier.example/1', 'DHL 42'])
    expect((await deed(id, 'shipments', { carrier: 'DHL', trackingUrl })).body.detail).toContain('https://');
  const left = { trackingNumber: '', trackingUrl: '', lines: [{ variantId: tee, quantity: 1 }] };
  const carrier = 'O’Neil’s ® / & Söhne <b>';
  const { status, body } = await deed(id, 'shipments', { carrier, ...left });
  expect([status, body.shipments]).toMatchObject([201, [{ carrier }]]);
  expect(Object.keys(body.shipments[0]).filter((name) => name.startsWith('tracking'))).toEqual([]);
  const nothing = { shippingMethod: null, promotionCode: null, billingAddress: null };
  expect((await order(nothing)).order.status).toBe('paid');
});
