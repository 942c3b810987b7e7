// An ERP that loses requests, answers and its own process, and stops for a day, does everything exactly once.
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { seededRandom } from '../../origin/demo-catalog/load-demo-catalog.ts';
import { openShop } from '../support/shop.ts';
import { SmallErp } from './small-erp.ts';

test('An ERP that loses answers and comes back after a day ships each order once and knows the stock', async () => {
  await using shop = await openShop({ env: { RATE_LIMITS: 'off' } });
  const staff = await shop.staff();
  const scopes = ['events:read', 'orders:read', 'orders:write', 'stock:write'];
  const { body: made } = await staff.post('/api/staff/api-keys', { name: 'Small ERP', scopes });
  const random = seededRandom(7);
  const erp = new SmallErp(shop, made.key, () => random.next());
  const [one, two] = shop.variants as [{ id: string; sku: string }, { id: string; sku: string }];
  const orders: string[] = [];
  const buy = async (variant: string, outcome = 'paid') => {
    const payment = { provider: 'demo', outcome };
    const { id } = await shop.browser().buy(variant, 2, { payment });
    orders.push(id);
    return id;
  };
  await erp.receive('monday', { [one.sku]: 10, [two.sku]: 4 });
  await Promise.all([buy(one.id), buy(two.id), erp.follow()]);
  await erp.follow();
  const { after } = erp.saved;

  // The ERP is off for a day, in which much happens.
  await buy(one.id);
  await buy(one.id, 'declined');
  const cancelled = await buy(two.id);
  await staff.post(`/api/staff/orders/${cancelled}/cancellation`, { reason: 'Asked by phone' });
  await staff.put(`/api/staff/variants/${two.id}/stock`, { stock: 50 });
  await sql`update shop_events set at = at - interval '1 day'`.execute(shop.deps.db);
  expect(erp.saved.after).toBe(after);
  await Promise.all([erp.follow(), erp.receive('tuesday', { [one.sku]: 5, [two.sku]: 5 }), buy(two.id)]);
  await erp.follow();
  await erp.follow();

  expect(erp.lost).toBeGreaterThan(10);
  for (const id of orders) {
    const { body } = await staff.get(`/api/staff/orders/${id}`);
    expect([id, body.shipments.length]).toEqual([id, body.status === 'paid' ? 1 : 0]);
    expect(erp.saved.orders.get(id)).toBe(`${body.status} ${body.fulfilment}`);
    const shippedBy = body.events.filter(({ what }: { what: string }) => what === 'shipped');
    expect(shippedBy.map(({ who }: { who: string }) => who)).toEqual(
      body.status === 'paid' ? ['Small ERP'] : [],
    );
  }
  const { rows } = await sql<{ sku: string; available: number }>`select sku, available from variants`.execute(
    shop.deps.db,
  );
  expect(Object.fromEntries(erp.saved.stock)).toEqual(
    Object.fromEntries(rows.map(({ sku, available }) => [sku, available])),
  );
  expect([one, two].map(({ sku }) => erp.saved.stock.get(sku))).toEqual([20 + 10 - 2 - 2 + 5, 50 + 5 - 2]);
});
