import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let staff: Browser;
let productId: string;

beforeAll(async () => {
  shop = await openShop({ worker: true });
  staff = await shop.staff();
  productId = (await staff.get(`/api/products/${shop.slug}`)).body.id;
});
afterAll(() => shop[Symbol.asyncDispose]());

const priced = (amount: number) => ({ price: { amount, currency: 'EUR' } });
const path = () => `/api/staff/products/${productId}`;

describe('a change by staff', () => {
  test('is on API, page and list once its invalidation is done, and in the carts that hold the product', async () => {
    const guest = shop.browser();
    await guest.add(shop.variants[0]!.id);
    for (const page of [`/p/${shop.slug}`, '/', `/api/products/${shop.slug}`, '/api/products'])
      await guest.request(page);
    const { body } = await staff.patch(path(), priced(4_242), { Prefer: 'wait=5' });
    expect(body.invalidation).toMatchObject({ state: 'done' });
    expect((await guest.get(`/api/products/${shop.slug}`)).body.price.amount).toBe(4_242);
    expect(await (await guest.request(`/p/${shop.slug}`)).text()).toContain('€42.42');
    const { items } = (await guest.get('/api/products')).body;
    expect(items.find((item: { id: string }) => item.id === productId).price.amount).toBe(4_242);
    expect((await guest.get('/api/cart')).body.lines[0].unitPrice.amount).toBe(4_242);
  });

  test('can be asked for until it is done', async () => {
    const { body } = await staff.patch(path(), { name: 'A renamed tee' });
    await expect
      .poll(async () => (await staff.get(`/api/staff/invalidations/${body.invalidation.id}`)).body.state, {
        timeout: 10_000,
      })
      .toBe('done');
  });

  test('that changes nothing is done at once', async () => {
    await staff.patch(path(), priced(1_500), { Prefer: 'wait=5' });
    const { body } = await staff.patch(path(), priced(1_500));
    expect(body.invalidation.state).toBe('done');
  });

  test('is made once however often its key is sent', async () => {
    const headers = { 'Idempotency-Key': 'one-change', Prefer: 'wait=5' };
    const first = await staff.patch(path(), priced(1_600), headers);
    await staff.patch(path(), priced(1_700), { Prefer: 'wait=5' });
    const again = await staff.patch(path(), priced(1_600), headers);
    expect(again.body.invalidation.id).toBe(first.body.invalidation.id);
    expect((await staff.get(`/api/products/${shop.slug}`)).body.price.amount).toBe(1_700);
  });

  test('is audited with who, what, before and after', async () => {
    await staff.patch(path(), priced(1_800));
    const row = await shop.deps.db
      .selectFrom('staff_changes')
      .select(['account_id', 'subject', 'before', 'after'])
      .orderBy('id', 'desc')
      .executeTakeFirstOrThrow();
    expect(row).toMatchObject({
      subject: `product:${productId}`,
      before: { price: 1_700 },
      after: priced(1_800),
    });
    expect(row.account_id).not.toBeNull();
  });

  test('of stock sets what can be bought from then on', async () => {
    const { id } = shop.variants[3]!;
    expect((await shop.browser().add(id)).body.code).toBe('out-of-stock');
    await staff.put(`/api/staff/variants/${id}/stock`, { stock: 5 }, { Prefer: 'wait=5' });
    expect((await shop.browser().add(id)).status).toBe(200);
    const { body } = await staff.get('/api/products/wool-coat');
    expect(body.variants.find((variant: { id: string }) => variant.id === id).available).toBe(5);
  });

  test('is refused for shoppers, strangers and unknown products alike in kind', async () => {
    const shopper = shop.browser();
    await shopper.signUp('shopper@example.com');
    expect((await shopper.patch(path(), priced(1))).status).toBe(403);
    expect((await shop.browser().patch(path(), priced(1))).status).toBe(401);
    expect((await staff.patch('/api/staff/products/999999', priced(1))).status).toBe(404);
    expect((await staff.patch(path(), { price: { amount: 1, currency: 'USD' } })).status).toBe(422);
    expect((await staff.patch(path(), { price: { amount: -1, currency: 'EUR' } })).status).toBe(422);
    expect((await staff.patch(path(), { unknown: 1 })).status).toBe(422);
  });
});
