// After a refused payment, one click puts the pieces back into the bag, once.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

describe.each(['server', 'cookie', 'sticky'] as const)('with carts in state %s', (cartState) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop({ env: { CART_STATE: cartState } });
  });
  afterAll(() => shop[Symbol.asyncDispose]());

  const send = (browser: Browser, orderId: string, key: string) =>
    browser.request(`/orders/${orderId}/again`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'same-origin' },
      body: new URLSearchParams({ 'idempotency-key': key }).toString(),
    });
  const declined = async (browser: Browser) => {
    await browser.fill(shop.variants[0]!.id, 2);
    await browser.fill(shop.variants[1]!.id, 1);
    return (await browser.order({ payment: { provider: 'demo', outcome: 'declined' } })).body;
  };

  test('the pieces of an order that was not paid are in the bag again, once for a form', async () => {
    const browser = shop.browser();
    const order = await declined(browser);
    expect((await browser.get('/api/cart')).body.count).toBe(0);
    expect(await (await browser.request(`/orders/${order.id}`)).text()).toContain('back into the bag');
    for (let time = 0; time < 2; time += 1) {
      const answer = await send(browser, order.id, 'one-form');
      expect([answer.status, answer.headers.get('Location')]).toEqual([303, '/cart']);
      expect((await browser.get('/api/cart')).body.count).toBe(3);
    }
    expect((await browser.order()).status).toBe(201);
  });

  test('an order that stands has no such form, and strangers find nothing', async () => {
    const browser = shop.browser();
    await browser.fill(shop.variants[0]!.id, 1);
    const { body: order } = await browser.order();
    expect(await (await browser.request(`/orders/${order.id}`)).text()).not.toContain('back into the bag');
    await send(browser, order.id, 'a-form');
    expect((await browser.get('/api/cart')).body.count).toBe(0);
    expect((await send(shop.browser(), order.id, 'a-form')).status).toBe(404);
  });
});

test('an account that is made afterwards has the guest’s order, if it has the e-mail', async () => {
  await using shop = await openShop();
  const guest = shop.browser();
  const order = await guest.buy(shop.variants[0]!.id, 1, { email: 'Guest@example.com' });
  const other = await guest.buy(shop.variants[0]!.id, 1, { email: 'somebody.else@example.com' });
  await guest.signUp('guest@example.com');
  const elsewhere = shop.browser();
  await elsewhere.post('/api/sessions', { email: 'guest@example.com', password: 'a-password-of-tests' });
  expect((await elsewhere.get(`/api/orders/${order.id}`)).status).toBe(200);
  expect((await elsewhere.get(`/api/orders/${other.id}`)).status).toBe(404);
  expect((await elsewhere.get('/api/orders')).body.items).toHaveLength(1);
});
