import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let owner: Browser;
let stranger: Browser;
let ids: { order: string; guestOrder: string; session: string; variant: string };

beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off' } });
  owner = shop.browser();
  await owner.signUp('owner@example.com');
  const order = await owner.buy(shop.variants[0]!.id);
  const guestOrder = await shop.browser().buy(shop.variants[1]!.id);
  const sessions = await owner.get('/api/sessions');
  ids = {
    order: order.id,
    guestOrder: guestOrder.id,
    session: sessions.body.items[0].id,
    variant: shop.variants[2]!.id,
  };
  await owner.add(ids.variant, 2);
  stranger = shop.browser();
  await stranger.signUp('stranger@example.com');
});
afterAll(() => shop[Symbol.asyncDispose]());

const unknownId = '987654321';

describe('another person’s id is answered as one that does not exist', () => {
  test('on every operation of the API that takes one, for strangers and for nobody: 404, nothing told', async () => {
    const { body: document } = await owner.get('/api/openapi.json');
    const withId = Object.entries<Json>(document.paths).flatMap(([path, item]) =>
      /\{(id|variantId|token)\}/.test(path) && !path.startsWith('/api/staff')
        ? Object.keys(item).map((method) => ({ path, method: method.toUpperCase() }))
        : [],
    );
    // A new operation with an id must be added here.
    expect(withId.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      'DELETE /api/account/addresses/{id}',
      'DELETE /api/cart/lines/{variantId}',
      'DELETE /api/sessions/{id}',
      'GET /api/account/addresses/{id}',
      'GET /api/orders/{id}',
      'GET /api/orders/{id}/invoice',
      'GET /api/orders/{id}/invoice.xml',
      'GET /api/orders/{id}/refunds/{refund}/credit-note',
      'GET /api/orders/{id}/refunds/{refund}/credit-note.xml',
      'POST /api/orders/{id}/cancellation',
      'POST /api/orders/{id}/returns',
      'PUT /api/account/addresses/{id}',
      'PUT /api/cart/lines/{variantId}',
      'PUT /api/password-resets/{token}',
    ]);
    // Lines belong to the caller's own cart, and everybody may buy the variant that they name.
    // Addresses need an account; routes.test.ts covers them.
    for (const { path, method } of withId.filter(({ path: at }) => !/cart|addresses/.test(at))) {
      for (const browser of [stranger, shop.browser()]) {
        const at = (id: string) =>
          read(browser, method, path.replace('{refund}', '1').replace(/\{\w+\}/, id));
        for (const id of path.includes('orders') ? [ids.order, ids.guestOrder] : [ids.session]) {
          const answer = await at(id);
          expect([method, path, answer.status]).toEqual([method, path, 404]);
          expect(answer).toEqual(await at(unknownId));
        }
      }
    }
    await stranger.put(`/api/cart/lines/${ids.variant}`, { quantity: 9 });
    await stranger.delete(`/api/cart/lines/${ids.variant}`);
    expect((await owner.get('/api/account')).status).toBe(200);
    expect((await owner.get(`/api/orders/${ids.order}`)).status).toBe(200);
    expect((await owner.get('/api/cart')).body.count).toBe(2);
  });

  test('for staff’s operations: 401 for nobody and 403 for shoppers, whether the id exists or not', async () => {
    const { id } = (await owner.get(`/api/products/${shop.slug}`)).body;
    for (const [browser, status] of [
      [shop.browser(), 401],
      [stranger, 403],
    ] as const) {
      for (const [method, path] of [
        ['PATCH', '/api/staff/products/'],
        ['GET', '/api/staff/invalidations/'],
      ] as const) {
        const known = await read(browser, method, `${path}${id}`);
        expect(known.status).toBe(status);
        expect(known).toEqual(await read(browser, method, `${path}${unknownId}`));
      }
    }
  });

  test('of any length and any letters', async () => {
    for (const id of ['9'.repeat(300), '0', '-1', '1e9', '%00', 'абв', '1;drop']) {
      const path = encodeURIComponent(id);
      expect((await owner.get(`/api/orders/${path}`)).status, id).toBe(404);
      expect((await owner.delete(`/api/sessions/${path}`)).status, id).toBe(404);
      const reset = await owner.put(`/api/password-resets/${path}`, { password: 'a-password-of-tests' });
      expect(reset.status, id).toBe(404);
    }
  });

  test('on the order’s page', async () => {
    for (const browser of [stranger, shop.browser()]) {
      const unknown = await (await browser.request(`/orders/${unknownId}`)).text();
      const foreign = await browser.request(`/orders/${ids.order}`);
      expect(foreign.status).toBe(404);
      expect(await foreign.text()).toBe(unknown);
    }
  });

  test('for a guest’s order, in a browser without its cookie', async () => {
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
  const bodies: Record<string, object> = {
    PUT: { password: 'a-password-of-tests' },
    POST: path.endsWith('/returns') ? { lines: [{ variantId: ids.variant, quantity: 1 }] } : {},
  };
  const body = bodies[method];
  const response = await browser.request(path, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, text: await response.text() };
}
