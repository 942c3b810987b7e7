// A retry is the same request, whatever changed since the first: the buyer, the settings, the database, or other
// shops that use the same account.
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { dbCommand } from '../../ops-scripts/db/command.ts';
import { beginLineage, readLineage } from '../../origin/postgres/lineage.ts';
import { type Browser, openShop } from '../support/shop.ts';
import { openStripeShop, type PlacedOrder, type StripeShop } from '../support/stripe-shop.ts';

let at: StripeShop;
beforeAll(async () => {
  at = await openStripeShop();
});
afterAll(() => at?.[Symbol.asyncDispose]());
afterEach(() => {
  at.stripe.losesAnswers = false;
});

const opened = (id: string, shop = at) =>
  shop.stripe.requests.filter(({ method, body }) => method === 'POST' && body.includes(`orders%2F${id}&`));

/** Places an order for which Stripe opened a page, but whose answer was lost. */
async function orderUnheard(buyer?: Browser): Promise<PlacedOrder> {
  at.stripe.losesAnswers = true;
  const placed = await at.order(1, buyer);
  at.stripe.losesAnswers = false;
  expect(placed.body.payment).toEqual({ provider: 'stripe', status: 'unknown' });
  return placed;
}

async function expectOnePage(id: string): Promise<void> {
  const requests = opened(id);
  expect(requests.length).toBeGreaterThan(1);
  expect(new Set(requests.map(({ key, body }) => `${key} ${body}`)).size).toBe(1);
  const sessions = at.sessionsOf(id);
  expect(sessions).toHaveLength(1);
  expect(await at.payment(id)).toMatchObject({ status: 'pending', reference: sessions[0]!.id });
}

describe('A retry is the same request, and one page', () => {
  test('after the buyer’s account was deleted', async () => {
    const buyer = at.shop.browser();
    await buyer.signUp('forgotten@example.com');
    const { id } = await orderUnheard(buyer);
    expect((await buyer.delete('/api/account')).status).toBe(204);
    await at.settle(id);
    await expectOnePage(id);
  });

  test('after the shop has moved to another address', async () => {
    const { id } = await orderUnheard();
    await at.settle(id, 0, { siteUrl: 'https://another.example' });
    await expectOnePage(id);
  });

  test('after the database has begun a new lineage', async () => {
    const { id } = await orderUnheard();
    const before = await readLineage(at.shop.deps.db);
    const said = vi.spyOn(console, 'log').mockReturnValue();
    await dbCommand({ DATABASE_URL: at.shop.deps.settings.databaseUrl }).parseAsync(['restored'], {
      from: 'user',
    });
    const lineage = await readLineage(at.shop.deps.db);
    expect(said).toHaveBeenCalledWith(`The database has begun the lineage ${lineage}`);
    said.mockRestore();
    expect(lineage).not.toBe(before);
    await at.settle(id);
    await expectOnePage(id);
  });

  test.each([
    ['the order was placed', { status: 'reserved', attempted_at: null }],
    ['the attempt was written down', { status: 'pending' }],
    ['Stripe was asked', { status: 'unknown' }],
  ] as const)('after a crash or a restore to the moment after %s', async (_, stood) => {
    const kept = sql<string>`(select request::text from payments where order_id = orders.id)`.as('request');
    const { id } = await orderUnheard();
    const { request } = await at.shop.deps.db
      .selectFrom('orders')
      .select(kept)
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    await at.settle(id);
    const lost = { reference: null, redirect_url: null, request, ...stood };
    await at.shop.deps.db.updateTable('payments').set(lost).where('order_id', '=', id).execute();
    for (let time = 0; time < 2; time += 1) await at.settle(id);
    await expectOnePage(id);
  });

  test('and what names the buyer is kept only until Stripe’s page is known', async () => {
    const { id } = await orderUnheard();
    expect(JSON.stringify((await at.payment(id)).request)).toContain('buyer@example.com');
    await at.settle(id);
    expect((await at.payment(id)).request).toBeNull();
  });

  test('and an order that the previous release left without a request gets one before it is asked about', async () => {
    at.stripe.isAway = true;
    const { id } = await at.order();
    at.stripe.isAway = false;
    const asPlacedThen = { provider_key: null, request: null, expires_at: null };
    await at.shop.deps.db.updateTable('payments').set(asPlacedThen).where('order_id', '=', id).execute();
    for (let time = 0; time < 2; time += 1) await at.settle(id);
    expect(at.sessionsOf(id)).toHaveLength(1);
    expect(await at.payment(id)).toMatchObject({ status: 'pending' });
  });
});

describe('The key of a request', () => {
  test('is of the order’s random number and of the lineage of the database', async () => {
    const { id, body } = await at.order();
    const lineage = await readLineage(at.shop.deps.db);
    expect((await at.payment(id)).provider_key).toBe(`order-${body.number}-${lineage}`);
    expect(opened(id)[0]!.key).toBe(`order-${body.number}-${lineage}`);
  });

  test('that stands for another request is a payment that failed', async () => {
    const before = await at.available();
    const placed = await orderUnheard();
    const another = sql`jsonb_set(request, '{parameters,cancel_url}', '"https://another.example/"')`;
    await sql`update payments set request = ${another} where order_id = ${placed.id}`.execute(
      at.shop.deps.db,
    );
    for (let time = 0; time < 2; time += 1) await at.settle(placed.id);
    expect(await at.shown(placed)).toMatchObject({ status: 'cancelled', payment: { status: 'failed' } });
    expect(await at.available()).toBe(before);
  });

  test('is another one for the order that gets the same id after the database was restored', async () => {
    const lost = await at.order();
    const { db } = at.shop.deps;
    await db.deleteFrom('orders').where('id', '=', lost.id).execute();
    await beginLineage(db);
    await sql`select setval(pg_get_serial_sequence('orders', 'id'), ${lost.id}::bigint, false)`.execute(db);
    const placed = await at.order();
    expect(placed.id).toBe(lost.id);
    expect(at.sessionsOf(lost.id)).toHaveLength(2);
    // The shopper of the lost order still has its link and pays. That money is not for the new order.
    const paid = { payment_status: 'paid', status: 'complete' } as const;
    expect(await at.tell('checkout.session.completed', lost.session, paid)).toBe(204);
    expect((await at.shown(placed)).payment.status).toBe('pending');
  });
});

describe('Two shops that sell through one account of Stripe', () => {
  test('have orders with the same ids, and neither pays for, ends or asks about the other’s', async () => {
    await using first = await openStripeShop();
    await using second = await openStripeShop({}, first.stripe);
    const orders = [];
    for (const shop of [first, second]) {
      first.stripe.losesAnswers = true;
      const unheard = await shop.order();
      first.stripe.losesAnswers = false;
      orders.push({ shop, unheard, heard: await shop.order() });
    }
    const [mine, other] = orders as [(typeof orders)[0], (typeof orders)[0]];
    expect(other.unheard.id).toBe(mine.unheard.id);
    expect(other.heard.id).toBe(mine.heard.id);
    // Stripe tells both shops of every session.
    for (const { id } of [mine.unheard, mine.heard])
      for (const session of first.sessionsOf(id).filter((one) => one.metadata['order'] !== undefined)) {
        const isMine = [mine.unheard, mine.heard].some(
          ({ body }) => body.number === session.metadata['order'],
        );
        Object.assign(
          session,
          isMine ? { payment_status: 'paid', status: 'complete' } : { status: 'expired' },
        );
        const type = isMine ? 'checkout.session.completed' : 'checkout.session.expired';
        for (const shop of [first, second]) expect(await shop.tell(type, session)).toBe(204);
      }
    for (const placed of [mine.unheard, mine.heard])
      expect((await first.shown(placed)).payment.status).toBe('paid');
    for (const placed of [other.unheard, other.heard])
      expect((await second.shown(placed)).payment.status).toBe('failed');
  });
});

describe('A buyer’s e-mail that Stripe would know', () => {
  test('is what was told to the shop, and an order without Stripe keeps no request', async () => {
    const { session } = await at.order();
    expect(session.customer_email).toBe('buyer@example.com');
    await using plain = await openShop();
    const order = await plain.browser().buy(plain.variants[0]!.id);
    const row = plain.deps.db.selectFrom('payments').selectAll().where('order_id', '=', order.id);
    expect(await row.executeTakeFirstOrThrow()).toMatchObject({ provider_key: null, request: null });
  });
});
