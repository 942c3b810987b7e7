// Events of the shop: each is told once, in commit order, also to readers that pause.
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { numberShopEvents, pruneShopEvents } from '../../origin/integration/shop-events.ts';
import { beginLineage } from '../../origin/postgres/lineage.ts';
import type { Db } from '../../origin/schema.ts';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let staff: Browser;

beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off', PAYMENT_PROVIDERS: 'demo,on-delivery' } });
  staff = await shop.staff();
});
afterAll(() => shop[Symbol.asyncDispose]());

const read = async (after?: string, limit = 500): Promise<{ items: Json[]; next: string }> => {
  const query = new URLSearchParams({ limit: String(limit), ...(after === undefined ? {} : { after }) });
  const { status, body } = await staff.get(`/api/staff/events?${query}`);
  expect(status).toBe(200);
  return body;
};
const readEnd = async (): Promise<string> => {
  let { items, next } = await read();
  while (items.length > 0) ({ items, next } = await read(next));
  return next;
};
const typesOf = (items: Json[]) => items.map(({ type }) => type);
const pieces = (variantId: string, quantity: number) => ({ variantId, quantity });

describe('What happens in the shop', () => {
  test('is told from the order to the return, in order, without the person', async () => {
    const start = await readEnd();
    const buyer = shop.browser();
    const variantId = shop.variants[0]!.id;
    const order = await buyer.buy(variantId, 3);
    const path = `/api/staff/orders/${order.id}`;
    const { shipments } = (
      await staff.post(`${path}/shipments`, { carrier: 'DHL', lines: [pieces(variantId, 2)] })
    ).body;
    await staff.post(`${path}/shipments`, { carrier: 'DHL' });
    await staff.post(`${path}/refunds`, { amount: 100, reason: 'A seam was open' });
    const later = new Date().toISOString();
    await staff.patch(`${path}/shipments/${shipments[0].id}`, { deliveredAt: later });
    const { body: returned } = await buyer.post(`/api/orders/${order.id}/returns`, {
      lines: [pieces(variantId, 1)],
    });
    await staff.post(`/api/staff/returns/${returned.id}/receipt`, {
      lines: [{ ...pieces(variantId, 1), restock: true }],
    });
    const { items } = await read(start);
    const ofOrder = items.filter(({ subject }) => subject === `order:${order.id}`);
    expect(typesOf(ofOrder)).toEqual([
      'order.placed',
      'order.payment-pending',
      'order.paid',
      'order.shipped',
      'order.shipped',
      'refund.created',
      'refund.done',
      'order.delivered',
      'return.requested',
      'refund.created',
      'return.received',
      'refund.done',
      'return.refunded',
    ]);
    const placed = ofOrder[0].data;
    expect(placed).toMatchObject({
      orderId: order.id,
      number: order.number,
      total: order.total,
      country: 'IE',
      lines: [{ variantId, sku: shop.variants[0]!.sku, quantity: 3 }],
    });
    const [first, second] = ofOrder.filter(({ type }) => type === 'order.shipped').map(({ data }) => data);
    expect(first).toMatchObject({
      fulfilment: 'partly-shipped',
      lines: [pieces(variantId, 2)],
      carrier: 'DHL',
    });
    expect(second).toMatchObject({ fulfilment: 'shipped', lines: [pieces(variantId, 1)] });
    const stock = items
      .filter(({ subject }) => subject === `variant:${variantId}`)
      .map(({ data }) => data.stock);
    expect(stock).toEqual([17, 18]);
    expect(JSON.stringify(items)).not.toMatch(/Uyer|buyer@example|Long Lane/);
  });

  test('is told of refused, cancelled and unpaid orders, of money at the door, of stock and of products', async () => {
    const start = await readEnd();
    const variantId = shop.variants[2]!.id;
    const failed = await shop
      .browser()
      .buy(variantId, 1, { payment: { provider: 'demo', outcome: 'declined' } });
    const atDoor = await shop.browser().buy(variantId, 1, { payment: { provider: 'on-delivery' } });
    await staff.post(`/api/staff/orders/${atDoor.id}/payments`, { amount: atDoor.total });
    const dropped = await shop.browser().buy(variantId);
    await staff.post(`/api/staff/orders/${dropped.id}/cancellation`, { reason: 'Why' });
    await staff.put(`/api/staff/variants/${variantId}/stock`, { stock: 77 });
    const { id: product } = (await staff.get(`/api/products/${shop.slug}`)).body;
    await staff.patch(`/api/staff/products/${product}`, { name: 'Plainer tee' });
    await staff.patch(`/api/staff/products/${product}`, { name: 'Plainer tee' });
    const { items } = await read(start);
    const of = (subject: string) => typesOf(items.filter((item) => item.subject === subject));
    expect(of(`order:${failed.id}`)).toEqual(
      expect.arrayContaining(['order.placed', 'order.payment-failed']),
    );
    expect(of(`order:${atDoor.id}`)).toEqual(
      expect.arrayContaining(['order.placed', 'order.money-taken', 'order.paid']),
    );
    expect(of(`order:${dropped.id}`)).toEqual(
      expect.arrayContaining([
        'order.placed',
        'order.paid',
        'order.cancelled',
        'refund.created',
        'refund.done',
      ]),
    );
    expect(of(`product:${product}`)).toEqual(['product.changed']);
    expect(items.findLast(({ subject }) => subject === `variant:${variantId}`).data).toMatchObject({
      stock: 77,
      sku: shop.variants[2]!.sku,
    });
    expect(items.findLast(({ subject }) => subject === `product:${product}`).data.name).toBe('Plainer tee');
  });

  test('is read page by page as it is read at once, and `next` can always be asked for', async () => {
    const whole = await read(undefined, 500);
    let after: string | undefined;
    const paged: Json[] = [];
    for (;;) {
      const { items, next } = await read(after, 7);
      paged.push(...items);
      after = next;
      if (items.length === 0) break;
    }
    expect(paged).toEqual(whole.items);
    expect(whole.items.map(({ id }) => Number(id))).toEqual(whole.items.map((_, at) => at + 1));
    expect(await read(after)).toEqual({ items: [], next: after });
    expect(await read(after)).toEqual({ items: [], next: after });
    const { body, headers } = await staff.get('/api/staff/events');
    expect(body.items).toHaveLength(Math.min(100, whole.items.length));
    expect(headers.get('Cache-Control')).toBe('private, no-store');
    for (const query of [
      'limit=0',
      'limit=501',
      'limit=x',
      'after=-1',
      'after=x',
      'after=',
      `after=${'9'.repeat(30)}`,
    ])
      expect([query, (await staff.get(`/api/staff/events?${query}`)).status]).toEqual([query, 400]);
  });
});

describe('Events of transactions that run at once', () => {
  test('are not skipped where the one that wrote first commits last', async () => {
    const { db } = shop.deps;
    const start = await readEnd();
    const [slow, quick] = [shop.variants[0]!.id, shop.variants[1]!.id];
    const written = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const slowly = db.transaction().execute(async (tx) => {
      await setStock(tx, slow, 41);
      // Runs the deferred triggers now, so that the commit comes long after the row's number.
      await sql`set constraints all immediate`.execute(tx);
      written.resolve();
      await release.promise;
    });
    await written.promise;
    await setStock(db, quick, 42);
    const first = await read(start);
    expect(first.items.map(({ subject }) => subject)).toEqual([`variant:${quick}`]);
    release.resolve();
    await slowly;
    const second = await read(first.next);
    expect(second.items.map(({ subject }) => subject)).toEqual([`variant:${slow}`]);
    expect((await read(second.next)).items).toEqual([]);
  });

  test('reach readers that poll, each once and in one order, what is rolled back never', async () => {
    const { db } = shop.deps;
    const start = await readEnd();
    const writers = 12;
    const rounds = 25;
    let isOver = false;
    const variants = shop.variants.map(({ id }) => id);
    const write = async (writer: number) => {
      for (let round = 0; round < rounds; round += 1) {
        const stock = 1_000 + writer * rounds + round;
        const change = db.transaction().execute(async (tx) => {
          await setStock(tx, variants[(writer + round) % variants.length]!, stock);
          if (round % 3 === 0) await sql`set constraints all immediate`.execute(tx);
          await sql`select pg_sleep(random() / 200)`.execute(tx);
          if (round % 5 === 4) throw new Error('rolled back');
        });
        await change.catch(() => undefined);
      }
    };
    const follow = async (limit: number): Promise<Json[]> => {
      const seen: Json[] = [];
      let after = start;
      for (;;) {
        const wasOver = isOver;
        const { items, next } = await read(after, limit);
        seen.push(...items);
        after = next;
        if (wasOver && items.length === 0) return seen;
      }
    };
    const following = [follow(500), follow(3), follow(50)];
    await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
    isOver = true;
    const [one, ...others] = await Promise.all(following);
    expect(others).toEqual([one, one]);
    const stocks = one!.map(({ data }) => data.stock as number);
    const committed = Array.from({ length: writers * rounds }, (_, at) => at).filter(
      (at) => (at % rounds) % 5 !== 4,
    );
    expect(stocks.toSorted((a, b) => a - b)).toEqual(committed.map((at) => 1_000 + at));
    expect(one!.map(({ id }) => Number(id) - Number(start))).toEqual(one!.map((_, at) => at + 1));
    // A row's last event has its final state, because the row is locked from the write to the commit.
    for (const { id } of shop.variants) {
      const { available } = await db
        .selectFrom('variants')
        .select('available')
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
      expect(one!.findLast(({ subject }) => subject === `variant:${id}`)?.data.stock ?? available).toBe(
        available,
      );
    }
  });

  test('are told once a transaction, with what stands at its end', async () => {
    const start = await readEnd();
    const variantId = shop.variants[0]!.id;
    await shop.deps.db.transaction().execute(async (tx) => {
      await setStock(tx, variantId, 3);
      await setStock(tx, variantId, 5);
    });
    expect((await read(start)).items.map(({ data }) => data.stock)).toEqual([5]);
  });
});

test('Events are kept for 30 days; who asks for older ones is told so, and goes on without `after`', async () => {
  const { db } = shop.deps;
  const { items } = await read();
  const kept = items.at(9).id;
  await sql`update shop_events set at = now() - interval '29 days' where position >= ${kept}`.execute(db);
  await sql`update shop_events set at = now() - interval '31 days' where position < ${kept}`.execute(db);
  for (let time = 0; time < 2; time += 1) await db.transaction().execute(pruneShopEvents);
  expect((await read(undefined, 1)).items[0].id).toBe(kept);
  expect((await read(String(Number(kept) - 1), 1)).items[0].id).toBe(kept);
  const last = await readEnd();
  for (const after of ['0', String(Number(kept) - 2), String(Number(last) + 1)]) {
    const gone = await staff.get(`/api/staff/events?after=${after}`);
    expect([after, gone.status, gone.body]).toMatchObject([
      after,
      410,
      { code: 'events-gone', oldest: kept, last },
    ]);
  }
  await sql`update shop_events set at = now() - interval '31 days'`.execute(db);
  await db.transaction().execute(pruneShopEvents);
  expect(await read()).toEqual({ items: [], next: last });
  expect(await read(last)).toEqual({ items: [], next: last });
  await setStock(db, shop.variants[0]!.id, 6);
  await numberShopEvents(db);
  expect((await read(last)).items.map(({ id }) => Number(id))).toEqual([Number(last) + 1]);
});

test('Positions that a restore lost are not given again, so that a reader who knows them misses nothing', async () => {
  const { db } = shop.deps;
  for (const stock of [3, 4]) await setStock(db, shop.variants[0]!.id, stock);
  const known = await readEnd();
  // Deletes the events of the last minutes, which the reader has seen.
  const kept = String(Number(known) - 1);
  await sql`delete from shop_events where position > ${kept}`.execute(db);
  await sql`update shop_event_counter set last_position = ${kept}`.execute(db);
  expect((await staff.get(`/api/staff/events?after=${known}`)).status).toBe(410);
  await beginLineage(db);
  expect(await read(known)).toEqual({ items: [], next: known });
  await setStock(db, shop.variants[0]!.id, 8);
  await setStock(db, shop.variants[0]!.id, 9);
  const { items } = await read(known);
  expect(items.map(({ data }) => data.stock)).toEqual([8, 9]);
  expect(Number(items[0].id)).toBeGreaterThan(Number(known) + 1_000);
});

function setStock(db: Pick<Db, 'updateTable'>, id: string, stock: number) {
  return db.updateTable('variants').set({ available: stock }).where('id', '=', id).execute();
}
