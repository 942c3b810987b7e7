// API keys: shown once, revoked at once, limited to their scopes, and named in the history of their actions.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { routeGroups } from '../../origin/routes.ts';
import { apiKeyScopeNames } from '../../origin/web/env.ts';
import { type Answer, type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let staff: Browser;
let order: Json;

beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off' } });
  staff = await shop.staff();
  order = await shop.browser().buy(shop.variants[0]!.id, 2);
});
afterAll(() => shop[Symbol.asyncDispose]());

const keyOf = async (scopes: string[], name = 'Warehouse'): Promise<Json> => {
  const { status, body } = await staff.post('/api/staff/api-keys', { name, scopes });
  expect(status).toBe(201);
  return body;
};
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });

test('A key is shown once, and neither the list nor the database holds it', async () => {
  const idempotency = { 'Idempotency-Key': randomUUID() };
  const body = { name: 'ERP', scopes: ['orders:read', 'orders:read'] };
  const made = await staff.post('/api/staff/api-keys', body, idempotency);
  const again = await staff.post('/api/staff/api-keys', body, idempotency);
  expect(again.body).toEqual(made.body);
  const other = await staff.post('/api/staff/api-keys', body);
  expect(other.body.key).not.toBe(made.body.key);
  const { id, key } = made.body;
  const { body: list } = await staff.get('/api/staff/api-keys');
  const listed = list.items.find((one: Json) => one.id === id);
  expect(listed).toEqual({ id, name: 'ERP', scopes: ['orders:read'], createdAt: expect.any(String) });
  const rows = await shop.deps.db.selectFrom('api_keys').selectAll().execute();
  const keys = await shop.deps.db.selectFrom('idempotency_keys').selectAll().execute();
  const changes = await shop.deps.db.selectFrom('staff_changes').selectAll().execute();
  expect(JSON.stringify([rows, keys, changes, list])).not.toContain(key);
  await shop.browser().get('/api/staff/orders', bearer(key));
  const { body: used } = await staff.get('/api/staff/api-keys');
  expect(used.items.find((one: Json) => one.id === id).lastUsedAt).toEqual(expect.any(String));
});

test('A key made again long after its idempotency key was forgotten is another key', async () => {
  const idempotency = { 'Idempotency-Key': randomUUID() };
  const body = { name: 'ERP', scopes: ['orders:read'] };
  const first = await staff.post('/api/staff/api-keys', body, idempotency);
  await shop.deps.db.deleteFrom('idempotency_keys').execute();
  const second = await staff.post('/api/staff/api-keys', body, idempotency);
  expect(second.status).toBe(201);
  expect(second.body.key).not.toBe(first.body.key);
  expect((await shop.browser().get('/api/staff/orders', bearer(second.body.key))).status).toBe(200);
});

test('A key that is unknown or revoked is refused at once, also while Redis is away', async () => {
  const { id, key } = await keyOf(['orders:read']);
  const ask = (token: string) => shop.browser().get('/api/staff/orders', { Authorization: token });
  expect((await ask(`Bearer ${key}`)).status).toBe(200);
  expect((await ask(`bearer   ${key}`)).status).toBe(200);
  for (const wrong of ['Bearer', 'Bearer ', `Bearer ${key}x`, 'Bearer mck_', `Bearer ${key.toUpperCase()}`]) {
    const { status, headers, body } = await ask(wrong);
    expect([wrong, status, body.code]).toEqual([wrong, 401, 'unknown-key']);
    expect(headers.get('WWW-Authenticate')).toMatch(/^Bearer /);
  }
  expect((await ask('Basic c3RhZmY6cGFzc3dvcmQ=')).body.code).toBe('sign-in-needed');
  process.kill(shop.redis.pid, 'SIGKILL');
  try {
    expect((await ask(`Bearer ${key}`)).status).toBe(200);
    const revoked = await fetchRevoked(id);
    expect(revoked).toBe(1);
    expect((await ask(`Bearer ${key}`)).status).toBe(401);
  } finally {
    await shop.redis.restart();
  }
});

/** Revokes the key and checks that a retry answers the same. @returns how many revocations succeeded */
async function fetchRevoked(id: string): Promise<number> {
  const key = { 'Idempotency-Key': randomUUID() };
  const answer = await staff.delete(`/api/staff/api-keys/${id}`, key);
  expect((await staff.delete(`/api/staff/api-keys/${id}`, key)).status).toBe(204);
  expect((await staff.delete(`/api/staff/api-keys/${id}`)).status).toBe(404);
  return answer.status === 204 ? 1 : 0;
}

test('Each route of the staff takes exactly its scope, and keys are made by people only', async () => {
  const one: Record<string, string> = Object.fromEntries(
    await Promise.all(apiKeyScopeNames.map(async (scope) => [scope, (await keyOf([scope])).key])),
  );
  const all = (await keyOf([...apiKeyScopeNames])).key;
  const routes = routeGroups.flatMap(({ routes }) => routes).filter(({ scope }) => scope !== undefined);
  expect(routes.length).toBeGreaterThan(20);
  for (const { method, path, scope } of routes) {
    const ask = async (key: string): Promise<Answer<Json>> => {
      const address = path.replaceAll(/:\w+/g, '987654321');
      const response = await shop.browser().request(address, { method, headers: bearer(key) });
      const text = await response.text();
      const isJson = text.startsWith('{');
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
    };
    for (const [name, key] of Object.entries(one)) {
      const { status, body } = await ask(key);
      const isRefused = status === 403 && body.code === 'missing-scope';
      expect([method, path, name, isRefused]).toEqual([method, path, name, name !== scope]);
    }
    expect([method, path, (await ask(all)).status === 403]).toEqual([method, path, scope === 'people-only']);
  }
  for (const path of [
    '/api/staff/nothing',
    '/api/staff/orders/',
    '/api/staff//orders',
    '/api/staff/%6frders/1/2',
  ])
    expect([path, (await shop.browser().get(path, bearer(all))).status]).toEqual([path, 404]);
  const lacking = await shop
    .browser()
    .post('/api/staff/api-keys', { name: 'x', scopes: ['orders:read'] }, bearer(all));
  expect(lacking).toMatchObject({ status: 403, body: { code: 'missing-scope' } });
});

test('A key that cannot be made as asked for is refused with its place', async () => {
  for (const body of [
    { name: 'x', scopes: ['everything'] },
    { name: 'x', scopes: [] },
    { name: ' ', scopes: ['orders:read'] },
    { name: 'x'.repeat(101), scopes: ['orders:read'] },
    { scopes: ['orders:read'] },
    { name: 'x', scopes: 'orders:read' },
    { name: 'x', scopes: ['orders:read'], admin: true },
  ]) {
    const { status, body: problem } = await staff.post('/api/staff/api-keys', body);
    expect([body, status, problem.code]).toEqual([body, 422, 'invalid-body']);
  }
});

test('Customers are told only to a key that has their scope', async () => {
  const blind = bearer((await keyOf(['orders:read', 'orders:write'])).key);
  const seeing = bearer((await keyOf(['orders:read', 'customers:read'])).key);
  const person = /B\. Uyer|buyer@example\.com|1 Long Lane/;
  const browser = shop.browser();
  const parcel = { carrier: 'DHL', lines: [{ variantId: shop.variants[0]!.id, quantity: 1 }] };
  for (const answer of [
    await browser.get('/api/staff/orders', blind),
    await browser.get(`/api/staff/orders/${order.id}`, blind),
    await browser.post(`/api/staff/orders/${order.id}/shipments`, parcel, blind),
  ]) {
    expect(answer.status).toBeLessThan(300);
    expect(JSON.stringify(answer.body)).not.toMatch(person);
  }
  expect((await browser.get('/api/staff/orders?q=buyer', blind)).body).toMatchObject({
    code: 'missing-scope',
    scope: 'customers:read',
  });
  const seen = await browser.get(`/api/staff/orders/${order.id}`, seeing);
  expect(JSON.stringify(seen.body)).toMatch(person);
  expect((await browser.get('/api/staff/orders?q=buyer', seeing)).body.items).toHaveLength(1);
});

test('What a key did bears its name, and its idempotency keys are its own', async () => {
  const [first, second] = [
    await keyOf(['orders:write', 'catalog:write'], 'First ERP'),
    await keyOf(['orders:write']),
  ];
  const { id } = await shop.browser().buy(shop.variants[1]!.id, 2);
  const parcel = { carrier: 'DHL', lines: [{ variantId: shop.variants[1]!.id, quantity: 1 }] };
  const ship = (key: string, idempotency: string) =>
    shop
      .browser()
      .post(`/api/staff/orders/${id}/shipments`, parcel, { ...bearer(key), 'Idempotency-Key': idempotency });
  const same = randomUUID();
  expect((await ship(first.key, same)).body.shipments).toHaveLength(1);
  expect((await ship(first.key, same)).body.shipments).toHaveLength(1);
  expect((await ship(second.key, same)).body.shipments).toHaveLength(2);
  const { events } = (await staff.get(`/api/staff/orders/${id}`)).body;
  const shipped = events.filter(({ what }: Json) => what === 'shipped').map(({ who }: Json) => who);
  expect(shipped).toEqual(['First ERP', 'Warehouse']);
  const { id: product } = (await staff.get(`/api/products/${shop.slug}`)).body;
  const renamed = { name: 'Renamed by a program' };
  await shop.browser().patch(`/api/staff/products/${product}`, renamed, bearer(first.key));
  expect(await (await staff.request(`/staff/products/${product}`)).text()).toContain('First ERP');
});

test('A bearer request is no cross-site request, unless cookies come along', async () => {
  const { key } = await keyOf(['stock:write']);
  const write = (headers: Record<string, string>) =>
    shop.browser().put(`/api/staff/variants/${shop.variants[2]!.id}/stock`, { stock: 9 }, headers);
  const foreign = { Origin: 'https://erp.example', 'Sec-Fetch-Site': 'cross-site' };
  expect((await write({ ...foreign, ...bearer(key) })).status).toBe(200);
  expect((await write({ ...foreign, ...bearer(key), Cookie: staff.cookieHeader })).body.code).toBe(
    'cross-site',
  );
  expect((await write(foreign)).body.code).toBe('cross-site');
  // Pages accept cookies only.
  const form = {
    method: 'POST',
    headers: { ...foreign, ...bearer(key) },
    body: new URLSearchParams({ a: 'b' }),
  };
  expect((await shop.browser().request('/cart', form)).status).toBe(403);
});
