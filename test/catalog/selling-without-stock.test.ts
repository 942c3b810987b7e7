import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CategoryPath } from '../../origin/catalog/change/product-draft.ts';
import { saveProducts } from '../../origin/catalog/change/save-product.ts';
import { returnStock, takeStock } from '../../origin/catalog/change/stock.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { aProduct, aVariant } from './open-catalog.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ worker: true });
});
afterAll(() => shop?.[Symbol.asyncDispose]());

type Row = Partial<Record<'stock_tracked' | 'stock_stated' | 'sells_beyond_stock', boolean>>;

/** @returns the id of a product's only variant, with `available` pieces */
async function stocked(slug: string, available: number, rule: Row): Promise<string> {
  const variants = [aVariant(slug, 'M', 'Navy', { available })];
  const category: CategoryPath = [{ slug, name: slug }];
  await shop.deps.db
    .transaction()
    .execute((tx) => saveProducts(tx, [aProduct(slug, { variants, category })]));
  const { id } = await shop.deps.db
    .updateTable('variants')
    .set(rule)
    .where('sku', '=', variants[0]!.sku)
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

async function stockOf(id: string): Promise<{ available: number; backordered: number }> {
  return shop.deps.db
    .selectFrom('variants')
    .select(['available', 'backordered'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
}

test.each([
  ['is not tracked', { stock_tracked: false }],
  ['has no number', { stock_stated: false }],
  ['sells beyond its stock', { sells_beyond_stock: true }],
] as [string, Row][])(
  'a variant whose stock %s is bought, twice, with none on the shelf',
  async (what, rule) => {
    const slug = `endless-${what.length}`;
    const id = await stocked(slug, 0, rule);
    const shopper = shop.browser();
    const { body: product } = await shopper.get(`/api/products/${slug}`);
    expect(product.variants[0].available).toBeGreaterThan(0);
    expect(String((await shopper.get(`/p/${slug}`)).body)).not.toMatch(/sold out/i);
    const { body: list } = await shopper.get(`/api/products?category=${slug}`);
    expect(list.items[0].available).toBeGreaterThan(0);
    await shopper.buy(id, 3);
    await shopper.buy(id, 40);
    expect((await shopper.get(`/api/products/${slug}`)).body.variants[0].available).toBeGreaterThan(0);
    expect((await stockOf(id)).available).toBe(0);
  },
);

test('pieces sold beyond the stock are counted, and returned pieces reduce that number first', async () => {
  const id = await stocked('beyond', 2, { sells_beyond_stock: true });
  const lines = [{ variantId: id, quantity: 5 }];
  await shop.deps.db.transaction().execute((tx) => takeStock(tx, lines));
  expect(await stockOf(id)).toEqual({ available: 0, backordered: 3 });
  await shop.deps.db.transaction().execute((tx) => returnStock(tx, lines));
  expect(await stockOf(id)).toEqual({ available: 2, backordered: 0 });
});

test('a cart line of a variant that sells beyond its stock is never short', async () => {
  const id = await stocked('beyond-two', 2, { sells_beyond_stock: true });
  const shopper = shop.browser();
  await shopper.fill(id, 50);
  const { body: cart } = await shopper.get('/api/cart');
  expect(cart.lines[0].available).toBeGreaterThanOrEqual(50);
});

test('a stock that staff set is counted from then on; sending back the shown number sets nothing', async () => {
  const id = await stocked('unstated', 0, { stock_tracked: false });
  const staff = await shop.staff();
  const shown = (await staff.get('/api/products/unstated')).body.variants[0].available;
  await staff.put(`/api/staff/variants/${id}/stock`, { stock: shown });
  await shop.browser().buy(id, 1);
  expect((await staff.get('/api/products/unstated')).body.variants[0].available).toBe(shown);
  const { body } = await staff.put(`/api/staff/variants/${id}/stock`, { stock: 2 });
  expect(body.product.variants[0].available).toBe(2);
  await shop.browser().buy(id, 2);
  const late = shop.browser();
  await staff.put(`/api/staff/variants/${id}/stock`, { stock: 1 });
  await late.fill(id, 2);
  expect((await late.orderAtLast()).body).toMatchObject({
    code: 'out-of-stock',
    lines: [{ variantId: id, available: 1 }],
  });
});

test('a variant tells the picture of its colour, its own or that of another size, and so does the cart', async () => {
  const pictures = { Navy: 'https://pictures.example/navy.jpg', Rust: 'https://pictures.example/rust.jpg' };
  const variants = [
    aVariant('pictured', 'S', 'Navy', { imageUrl: pictures.Navy }),
    aVariant('pictured', 'M', 'Navy'),
    aVariant('pictured', 'M', 'Rust', { imageUrl: pictures.Rust }),
    aVariant('pictured', 'M', 'Ecru'),
  ];
  const images = [{ url: 'https://pictures.example/all.jpg', alt: 'All' }].concat(
    Object.entries(pictures).map(([color, url]) => ({ url, alt: color })),
  );
  await shop.deps.db
    .transaction()
    .execute((tx) => saveProducts(tx, [aProduct('pictured', { variants, images })]));
  const shopper = shop.browser();
  const { body } = await shopper.get('/api/products/pictured');
  expect(body.variants.map((variant: { imageUrl?: string }) => variant.imageUrl)).toEqual([
    pictures.Navy,
    pictures.Navy,
    pictures.Rust,
    undefined,
  ]);
  await shopper.fill(body.variants[1].id);
  expect((await shopper.get('/cart')).body).toContain(pictures.Navy);
});
