import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyKey } from '../../origin/cart/server/copy-scripts.ts';
import { expireHold, settlePayment } from '../../origin/order/pay-order.ts';
import { recordOutcome } from '../../origin/order/record-outcome.ts';
import { anOrder, type Browser, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop[Symbol.asyncDispose]());

const available = async (variantId: string) => {
  const row = await shop.deps.db
    .selectFrom('variants')
    .select('available')
    .where('id', '=', variantId)
    .executeTakeFirstOrThrow();
  return row.available;
};
const setAvailable = (variantId: string, pieces: number) =>
  shop.deps.db.updateTable('variants').set({ available: pieces }).where('id', '=', variantId).execute();
const payment = (orderId: string) =>
  shop.deps.db.selectFrom('payments').selectAll().where('order_id', '=', orderId).executeTakeFirstOrThrow();
const addressOf = async (orderId: string) => {
  const row = await shop.deps.db
    .selectFrom('orders')
    .select('shipping_address')
    .where('id', '=', orderId)
    .executeTakeFirstOrThrow();
  return row.shipping_address;
};
const withPiece = async (variantId: string, quantity = 1): Promise<Browser> => {
  const browser = shop.browser();
  await browser.fill(variantId, quantity);
  return browser;
};

describe('stock', () => {
  test('of 20 pieces that 200 buyers want is sold exactly 20 times', async () => {
    const { id } = shop.variants[0]!;
    await setAvailable(id, 20);
    const buyers = await Promise.all(Array.from({ length: 200 }, () => withPiece(id)));
    const answers = await Promise.all(buyers.map((buyer) => buyer.orderAtLast()));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(20);
    const refusals = answers.filter(({ status }) => status !== 201).map(({ body }) => body.code);
    expect(refusals).toEqual(Array(180).fill('out-of-stock'));
    expect(await available(id)).toBe(0);
  });

  test('that is short takes nothing, names the lines, and keeps the cart', async () => {
    const [, plenty, scarce] = shop.variants;
    await setAvailable(scarce!.id, 1);
    const browser = await withPiece(plenty!.id, 2);
    await browser.add(scarce!.id, 3);
    const before = await available(plenty!.id);
    const refused = await browser.order();
    expect(refused.body).toMatchObject({
      status: 409,
      code: 'out-of-stock',
      lines: [{ variantId: scarce!.id, available: 1 }],
    });
    expect(await available(plenty!.id)).toBe(before);
    expect((await browser.get('/api/cart')).body.count).toBe(5);
  });

  test('comes back when a payment is refused, and never while it is unknown', async () => {
    const { id } = shop.variants[1]!;
    await setAvailable(id, 20);
    const declined = await (await withPiece(id, 2)).order({
      payment: { provider: 'demo', outcome: 'declined' },
    });
    expect(declined.body).toMatchObject({ status: 'cancelled', payment: { status: 'failed' } });
    expect(await available(id)).toBe(20);
    const unknown = await (await withPiece(id, 2)).order({
      payment: { provider: 'demo', outcome: 'unknown' },
    });
    expect(unknown.body).toMatchObject({ status: 'placed', payment: { status: 'unknown' } });
    await expireHold(shop.deps, unknown.body.id);
    expect(await available(id)).toBe(18);
    await settlePayment(shop.deps, unknown.body.id);
    expect(await payment(unknown.body.id)).toMatchObject({ status: 'paid' });
    expect(await available(id)).toBe(18);
  });

  test('that is held by an order whose payment never began comes back, once', async () => {
    const { id } = shop.variants[1]!;
    await setAvailable(id, 20);
    const { body } = await (await withPiece(id, 3)).order();
    await shop.deps.db
      .updateTable('payments')
      .set({ status: 'reserved', attempted_at: null })
      .where('order_id', '=', body.id)
      .execute();
    await shop.deps.db.updateTable('orders').set({ status: 'placed' }).where('id', '=', body.id).execute();
    await Promise.all([expireHold(shop.deps, body.id), expireHold(shop.deps, body.id)]);
    expect(await available(id)).toBe(20);
  });
});

describe('one idempotency key', () => {
  test.each(['paid', 'declined'])(
    'is one order and one answer, however many arrive at once: %s',
    async (outcome) => {
      const { id } = shop.variants[2]!;
      await setAvailable(id, 20);
      const body = JSON.stringify({ ...anOrder, payment: { provider: 'demo', outcome } });
      const browser = await withPiece(id);
      const key = randomUUID();
      const cookies = browser.cookieHeader;
      const answers = await Promise.all(
        Array.from({ length: 50 }, () =>
          browser.request('/api/orders', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key, Cookie: cookies },
            body,
          }),
        ),
      );
      const orders = await Promise.all(answers.map((answer) => answer.text()));
      expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(201));
      expect([...new Set(orders)]).toEqual([orders[0]]);
      expect(JSON.parse(orders[0]!).payment.status).toBe(outcome === 'paid' ? 'paid' : 'failed');
      expect(await available(id)).toBe(outcome === 'paid' ? 19 : 20);
    },
  );

  describe('whose first request died before the copy of the cart was updated', () => {
    /** The order is placed and the browser has its cookies, but Redis still has the cart's former copy. */
    const placedUnseen = async () => {
      const browser = await withPiece(shop.variants[1]!.id);
      const cookies = new Map(browser.cookies);
      const key = randomUUID();
      const cartId = /^\w+\.([^.]+)/.exec(browser.cookies.get('__Host-cart')!)![1]!;
      const copy = await shop.deps.redis.dumpBuffer(copyKey(cartId));
      const placed = await browser.order({}, key);
      expect(placed.status).toBe(201);
      await shop.deps.redis.restore(copyKey(cartId), 0, copy!, 'REPLACE');
      browser.cookies.clear();
      for (const [name, value] of cookies) browser.cookies.set(name, value);
      expect((await browser.get('/api/cart')).body.count).toBe(1);
      return { browser, key, placed };
    };

    test('leaves an empty cart once it is asked again', async () => {
      const { browser, key, placed } = await placedUnseen();
      expect((await browser.order({}, key)).body.id).toBe(placed.body.id);
      expect((await browser.get('/api/cart')).body.count).toBe(0);
    });

    test('leaves an empty cart after another order was refused for it', async () => {
      const { browser } = await placedUnseen();
      expect((await browser.order()).body.code).toBe('cart-empty');
      await expect.poll(async () => (await browser.get('/api/cart')).body.count).toBe(0);
    });
  });

  test('of another body is refused', async () => {
    const browser = await withPiece(shop.variants[2]!.id);
    const key = randomUUID();
    await browser.order({}, key);
    expect((await browser.order({ email: 'other@example.com' }, key)).body.code).toBe(
      'idempotency-key-reused',
    );
  });

  test('of a cart write is refused, and stays the cart write’s; that of an order is no cart write’s', async () => {
    const { id } = shop.variants[2]!;
    await setAvailable(id, 20);
    const browser = shop.browser();
    await browser.fill(id);
    const [ofAdd, ofOrder] = [randomUUID(), randomUUID()];
    const add = async (key: string) => {
      const body = { variantId: id, quantity: 1 };
      const answer = await browser.post('/api/cart/lines', body, { 'Idempotency-Key': key });
      return [answer.status, answer.body.code ?? answer.body.count];
    };
    expect(await add(ofAdd)).toEqual([200, 2]);
    const refused = await browser.order({}, ofAdd);
    expect([refused.body.status, refused.body.code]).toEqual([422, 'idempotency-key-reused']);
    expect(await add(ofAdd)).toEqual([200, 2]);
    expect((await browser.order({}, ofOrder)).status).toBe(201);
    expect(await add(ofOrder)).toEqual([422, 'idempotency-key-reused']);
    expect((await browser.order({}, ofOrder)).status).toBe(201);
  });

  test('is needed', async () => {
    const browser = await withPiece(shop.variants[2]!.id);
    expect((await browser.post('/api/orders', anOrder)).status).toBe(428);
  });
});

describe('an order', () => {
  test('of an empty cart is refused', async () => {
    const { body } = await shop.browser().order();
    expect([body.status, body.code]).toEqual([409, 'cart-empty']);
  });

  test('keeps the price that was paid, whatever the catalog says later', async () => {
    const { id } = shop.variants[2]!;
    await setAvailable(id, 20);
    const browser = await withPiece(id);
    const { body } = await browser.order();
    await shop.deps.db.updateTable('variants').set({ price_amount: 1 }).where('id', '=', id).execute();
    const { body: read } = await browser.get(`/api/orders/${body.id}`);
    expect(read).toEqual(body);
    expect(read.total.amount).toBe(19_900);
  });

  test('whose process died between commit and provider is paid by the job, once', async () => {
    const { id } = shop.variants[1]!;
    await setAvailable(id, 20);
    const { body } = await (await withPiece(id)).order();
    await shop.deps.db
      .updateTable('payments')
      .set({ status: 'reserved', attempted_at: null })
      .where('order_id', '=', body.id)
      .execute();
    await Promise.all([settlePayment(shop.deps, body.id), settlePayment(shop.deps, body.id)]);
    expect(await payment(body.id)).toMatchObject({ status: 'paid' });
  });

  test('that was cancelled gives late money back and says so', async () => {
    const { body } = await (await withPiece(shop.variants[1]!.id)).order({
      payment: { provider: 'demo', outcome: 'declined' },
    });
    await recordOutcome(shop.deps, body.id, { status: 'paid' });
    expect(await payment(body.id)).toMatchObject({ status: 'failed', flag: 'late-money' });
    await settlePayment(shop.deps, body.id);
    expect(await payment(body.id)).toMatchObject({ status: 'failed', flag: 'refunded' });
  });

  test('whose payment stays open has one pending question, however often it is told of', async () => {
    const { body } = await (await withPiece(shop.variants[1]!.id)).order({
      payment: { provider: 'demo', outcome: 'unknown' },
    });
    for (let time = 0; time < 3; time += 1) await recordOutcome(shop.deps, body.id, { status: 'unknown' });
    const rows = await shop.deps.db
      .selectFrom('outbox')
      .select('payload')
      .where('kind', '=', 'settle-payment')
      .where('state', '=', 'pending')
      .execute();
    expect(rows.filter(({ payload }) => (payload as { orderId: string }).orderId === body.id)).toHaveLength(
      1,
    );
  });

  test('on delivery is pending, and asking changes nothing', async () => {
    const { body } = await (await withPiece(shop.variants[1]!.id)).order({
      payment: { provider: 'on-delivery' },
    });
    expect(body.payment).toEqual({ provider: 'on-delivery', status: 'pending' });
    await settlePayment(shop.deps, body.id);
    expect(await payment(body.id)).toMatchObject({ status: 'pending' });
  });
  test('goes to an address whose second line is there, empty, null or left out', async () => {
    const { id } = shop.variants[1]!;
    await setAvailable(id, 20);
    const address = anOrder.shippingAddress;
    const sentTo = async (shippingAddress: object) =>
      addressOf((await shop.browser().buy(id, 1, { shippingAddress })).id);
    for (const line2 of ['', '  ', null, undefined])
      expect(await sentTo({ ...address, line2 })).toEqual(address);
    expect(await sentTo({ ...address, line2: 'Flat 3' })).toEqual({ ...address, line2: 'Flat 3' });
  });
});
