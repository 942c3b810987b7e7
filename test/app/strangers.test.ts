import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let owner: Browser;
let stranger: Browser;
let ids: { order: string; guestOrder: string; session: string };

beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off' } });
  owner = shop.browser();
  await owner.signUp('owner@example.com');
  await owner.add(shop.variants[0]!.id);
  const order = await owner.order();
  const guest = shop.browser();
  await guest.add(shop.variants[1]!.id);
  const guestOrder = await guest.order();
  const sessions = await owner.get('/api/sessions');
  ids = { order: order.body.id, guestOrder: guestOrder.body.id, session: sessions.body.items[0].id };
  stranger = shop.browser();
  await stranger.signUp('stranger@example.com');
});
afterAll(() => shop[Symbol.asyncDispose]());

const unknownId = '987654321';

describe('another person’s id is answered as one that does not exist', () => {
  test('on every operation of the API that takes an id, for strangers and for nobody', async () => {
    const { body: document } = await owner.get('/api/openapi.json');
    const withId = Object.entries<Json>(document.paths).flatMap(([path, item]) =>
      path.includes('{id}') && !path.startsWith('/api/staff')
        ? Object.keys(item).map((method) => ({ path, method: method.toUpperCase() }))
        : [],
    );
    expect(withId.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      'DELETE /api/sessions/{id}',
      'GET /api/orders/{id}',
    ]);
    for (const { path, method } of withId) {
      for (const browser of [stranger, shop.browser()]) {
        const unknown = await read(browser, method, path.replace('{id}', unknownId));
        for (const id of path.includes('orders') ? [ids.order, ids.guestOrder] : [ids.session]) {
          expect(await read(browser, method, path.replace('{id}', id))).toEqual(unknown);
        }
      }
    }
    expect((await owner.get('/api/account')).status).toBe(200);
    expect((await owner.get(`/api/orders/${ids.order}`)).status).toBe(200);
  });

  test('on the order’s page', async () => {
    for (const browser of [stranger, shop.browser()]) {
      const unknown = await (await browser.request(`/orders/${unknownId}`)).text();
      const foreign = await browser.request(`/orders/${ids.order}`);
      expect(foreign.status).toBe(404);
      expect(await foreign.text()).toBe(unknown);
    }
  });

  test('for a guest’s order once somebody else bears no cookie of it', async () => {
    expect((await owner.get(`/api/orders/${ids.guestOrder}`)).status).toBe(404);
  });
});

describe('another person’s cookie', () => {
  test('is worth nothing once a letter of it is changed', async () => {
    for (const [name, value] of owner.cookies) {
      const thief = shop.browser();
      thief.cookies.set(name, `${value.startsWith('A') ? 'B' : 'A'}${value.slice(1)}`);
      expect((await thief.get('/api/cart')).body.count).toBe(0);
      expect((await thief.get('/api/account')).status).toBe(401);
    }
  });

  test('signed for one name is worth nothing under another', async () => {
    const thief = shop.browser();
    thief.cookies.set('__Host-orders', owner.cookies.get('__Host-session')!);
    expect((await thief.get('/api/orders')).body.items).toEqual([]);
  });

  test('is not found in any response that a shared cache may keep', async () => {
    for (const path of [
      '/',
      `/p/${shop.slug}`,
      '/search?q=tee',
      '/api/products',
      '/api/categories',
      `/api/products/${shop.slug}`,
    ]) {
      const answers = await Promise.all(
        [owner, shop.browser()].map(async (browser) => browser.request(path)),
      );
      const texts = await Promise.all(answers.map((answer) => answer.text()));
      expect(answers.map((answer) => answer.headers.getSetCookie())).toEqual([[], []]);
      expect(texts[0]).toBe(texts[1]);
    }
  });
});

async function read(
  browser: Browser,
  method: string,
  path: string,
): Promise<{ status: number; text: string }> {
  const response = await browser.request(path, { method });
  return { status: response.status, text: await response.text() };
}
