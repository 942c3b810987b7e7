// Shoppers buy what they saw: where price, pieces or stock changed meanwhile, the shopper is told and decides.
// Nothing is ordered before.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let shopper: Browser;
let variantId: string;
beforeAll(async () => {
  shop = await openShop({ worker: true });
  variantId = shop.variants[0]!.id;
});
afterAll(() => shop[Symbol.asyncDispose]());

beforeEach(async () => {
  await change({ price_amount: 1_999, available: 20 });
  shopper = shop.browser();
  await shopper.fill(variantId, 2);
});

/** Makes a change as staff do. Returns when no cache shows the old value. */
const change = async (set: { price_amount?: number; available?: number }) => {
  const staff = await shop.staff();
  if (set.price_amount !== undefined) {
    const { body } = await staff.get(`/api/products/${shop.slug}`);
    const price = { amount: set.price_amount, currency: 'EUR' };
    expect((await staff.patch(`/api/staff/products/${body.id}`, { price }, untilDone)).status).toBe(200);
  }
  if (set.available !== undefined) {
    const stock = { stock: set.available };
    expect((await staff.put(`/api/staff/variants/${variantId}/stock`, stock, untilDone)).status).toBe(200);
  }
};
const untilDone = { Prefer: 'wait=5' };
const orders = async () => (await shopper.get('/api/orders')).body.items.length;

/** @returns the hidden fields of the checkout form, as the page carries them */
function hiddenFields(page: string): Record<string, string> {
  const form = page.slice(page.indexOf('action="/checkout"'));
  const fields = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)];
  return Object.fromEntries(fields.map(([, name, value]) => [name!, value!]));
}
async function look(): Promise<Record<string, string>> {
  return hiddenFields(await (await shopper.request('/checkout')).text());
}
async function press(hidden: Record<string, string>, change: Record<string, string> = {}) {
  const entered = {
    email: 'ada@example.com',
    name: 'Ada Shopper',
    line1: '1 Mill Lane',
    postalCode: '10115',
    city: 'Berlin',
    country: 'DE',
    payment: 'demo:paid',
  };
  const response = await shopper.request('/checkout', {
    method: 'POST',
    headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...hidden, ...entered, ...change }).toString(),
  });
  return { status: response.status, to: response.headers.get('Location'), page: await response.text() };
}

test('a price that changed is told with both prices; sending again orders at the new one', async () => {
  const seen = await look();
  await change({ price_amount: 2_499 });
  const told = await press(seen);
  expect([told.status, told.to]).toEqual([409, null]);
  expect(told.page).toContain('now costs €24.99 instead of €19.99');
  expect(told.page).toContain('value="1 Mill Lane"');
  expect(await orders()).toBe(0);
  expect((await press(hiddenFields(told.page))).to).toMatch(/^\/orders\//);
  const { items } = (await shopper.get('/api/orders')).body;
  expect(items[0].total.amount).toBe(4_998);
});

test('pieces that came into the bag elsewhere are told', async () => {
  const seen = await look();
  await shopper.fill(variantId, 3);
  const told = await press(seen);
  expect([told.status, told.to]).toEqual([409, null]);
  expect(told.page).toContain('5 in the bag instead of 2');
  expect(await orders()).toBe(0);
});

test('a line without enough stock says so, the bag stays, and a smaller bag is ordered', async () => {
  const seen = await look();
  await change({ available: 1 });
  const told = await press(seen);
  expect([told.status, told.to]).toEqual([409, null]);
  expect(told.page).toContain('Only 1 left');
  expect((await shopper.get('/api/cart')).body.count).toBe(2);
  expect(await orders()).toBe(0);
  await shopper.put(`/api/cart/lines/${variantId}`, { quantity: 1 });
  expect((await press(await look())).to).toMatch(/^\/orders\//);
});

test('the form sent twice is one order', async () => {
  const seen = await look();
  const first = await press(seen);
  expect(first.to).toMatch(/^\/orders\//);
  expect((await press(seen)).to).toBe(first.to);
  expect(await orders()).toBe(1);
});

test.each(['', 'barter', 'demo:perhaps'])(
  'a way to pay that there is not, “%s”, is told beside the choices',
  async (payment) => {
    const { status, page } = await press(await look(), { payment });
    expect(status).toBe(422);
    expect(page).toContain('Please choose one of these.');
    expect(await orders()).toBe(0);
  },
);
