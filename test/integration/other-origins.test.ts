// The catalog is open to pages of all sites, the rest to named origins with a bearer token; and the product feed.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { raiseDirtySets } from '../../origin/catalog/change/dirty-versions.ts';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let staff: Browser;
let key: string;

beforeAll(async () => {
  shop = await openShop({
    worker: true,
    env: { RATE_LIMITS: 'off', CORS_ORIGINS: 'https://erp.example,http://localhost:5173' },
  });
  staff = await shop.staff();
  const made = await staff.post('/api/staff/api-keys', {
    name: 'ERP',
    scopes: ['orders:read', 'stock:write'],
  });
  key = made.body.key;
});
afterAll(() => shop[Symbol.asyncDispose]());

const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
  shop.browser().request(path, { method, headers, ...(body === undefined ? {} : { body }) });
const preflight = (origin: string, method: string, headers = '') => ({
  Origin: origin,
  'Access-Control-Request-Method': method,
  'Access-Control-Request-Headers': headers,
});
const of = ({ headers }: Response, name: string) => headers.get(`Access-Control-${name}`);

test('The catalog is open to every origin, without credentials, whatever it answers', async () => {
  const { headers } = await ask('GET', `/api/products/${shop.slug}`);
  for (const [path, status] of [
    ['/api/products', 200],
    [`/api/products/${shop.slug}`, 200],
    ['/api/categories', 200],
    ['/api/openapi.json', 200],
    ['/api/products/nothing', 404],
    ['/api/products?limit=0', 400],
  ] as const)
    for (const origin of ['https://any.example', 'https://erp.example', 'null']) {
      const answer = await ask('GET', path, { Origin: origin, Cookie: staff.cookieHeader });
      expect([path, answer.status]).toEqual([path, status]);
      expect([path, of(answer, 'Allow-Origin'), of(answer, 'Allow-Credentials')]).toEqual([path, '*', null]);
      expect(of(answer, 'Expose-Headers')).toContain('ETag');
      const before = await ask('OPTIONS', path, preflight(origin, 'GET', 'if-none-match'));
      expect([path, before.status, of(before, 'Allow-Origin')]).toEqual([path, 204, '*']);
      expect(of(before, 'Allow-Methods')).toBe('GET, HEAD');
    }
  const unchanged = await ask('GET', `/api/products/${shop.slug}`, { 'If-None-Match': headers.get('ETag')! });
  expect([unchanged.status, of(unchanged, 'Allow-Origin')]).toEqual([304, '*']);
});

test('A named origin uses the API with a bearer token, and no other origin does', async () => {
  const bearer = { Authorization: `Bearer ${key}` };
  const stock = `/api/staff/variants/${shop.variants[0]!.id}/stock`;
  const json = { 'Content-Type': 'application/json', 'Sec-Fetch-Site': 'cross-site' };
  for (const origin of ['https://erp.example', 'http://localhost:5173']) {
    const before = await ask('OPTIONS', stock, preflight(origin, 'PUT', 'authorization,content-type'));
    expect([before.status, of(before, 'Allow-Origin')]).toEqual([204, origin]);
    expect(of(before, 'Allow-Headers')).toContain('Authorization');
    expect(of(before, 'Allow-Methods')).toContain('PUT');
    expect(before.headers.get('Vary')).toContain('Origin');
    const written = await ask('PUT', stock, { ...json, ...bearer, Origin: origin }, '{"stock":9}');
    expect([written.status, of(written, 'Allow-Origin'), of(written, 'Allow-Credentials')]).toEqual([
      200,
      origin,
      null,
    ]);
    const refused = await ask('GET', '/api/staff/customers', { ...bearer, Origin: origin });
    expect([refused.status, of(refused, 'Allow-Origin')]).toEqual([403, origin]);
    // A session cookie does not help another origin.
    const withCookie = await ask(
      'PUT',
      stock,
      { ...json, Origin: origin, Cookie: staff.cookieHeader },
      '{"stock":9}',
    );
    expect(withCookie.status).toBe(403);
  }
  for (const origin of [
    'https://evil.example',
    'https://erp.example.evil.example',
    'http://erp.example',
    'null',
  ]) {
    const before = await ask('OPTIONS', stock, preflight(origin, 'PUT', 'authorization'));
    expect([origin, of(before, 'Allow-Origin')]).toEqual([origin, null]);
    const read = await ask('GET', '/api/staff/orders', { ...bearer, Origin: origin });
    expect([origin, of(read, 'Allow-Origin')]).toEqual([origin, null]);
  }
  const page = await ask('GET', '/', { Origin: 'https://erp.example' });
  expect(of(page, 'Allow-Origin')).toBeNull();
});

test('A setting that is no origin is refused at the start', async () => {
  for (const origins of ['erp.example', 'https://erp.example/', '*'])
    await expect(openShop({ env: { CORS_ORIGINS: origins } })).rejects.toThrow('CORS_ORIGINS');
});

test('The feed lists each variant on sale, and follows prices and what is sold out', async () => {
  const { db } = shop.deps;
  const raise = () => db.transaction().execute(raiseDirtySets);
  const feed = async () => {
    const response = await ask('GET', '/feeds/products.xml');
    expect([response.status, response.headers.get('Content-Type')]).toEqual([
      200,
      'application/xml; charset=utf-8',
    ]);
    return response.text();
  };
  const itemOf = (text: string, id: string) =>
    text.split('<item>').find((item) => item.includes(`<g:id>${id}</g:id>`)) ?? '';
  const first = await feed();
  expect(first.split('<item>')).toHaveLength(5);
  expect(first).not.toMatch(/&(?!amp;|lt;|gt;|quot;)/);
  const [variant, , , soldOut] = shop.variants;
  expect(itemOf(first, variant!.id)).toContain(`<g:mpn>${variant!.sku}</g:mpn>`);
  expect(itemOf(first, variant!.id)).toContain('<g:price>19.99 EUR</g:price>');
  expect(itemOf(first, variant!.id)).toContain('<g:availability>in_stock</g:availability>');
  expect(itemOf(first, soldOut!.id)).toContain('<g:availability>out_of_stock</g:availability>');
  const { id: product } = (await staff.get(`/api/products/${shop.slug}`)).body;
  const patch = { price: { amount: 1_499, currency: 'EUR' }, sale: true, name: 'Tee & <b>"co"</b>' };
  await staff.patch(`/api/staff/products/${product}`, patch);
  await staff.put(`/api/staff/variants/${soldOut!.id}/stock`, { stock: 3 });
  await staff.put(`/api/staff/variants/${variant!.id}/stock`, { stock: 0 });
  await vi.waitFor(
    async () => {
      await raise();
      const text = await feed();
      expect(itemOf(text, variant!.id)).toContain(
        '<g:price>19.99 EUR</g:price><g:sale_price>14.99 EUR</g:sale_price>',
      );
      expect(itemOf(text, variant!.id)).toContain('<title>Tee &amp; &lt;b&gt;&quot;co&quot;&lt;/b&gt;');
      expect(itemOf(text, variant!.id)).toContain('out_of_stock');
      expect(itemOf(text, soldOut!.id)).toContain('in_stock');
    },
    { timeout: 20_000, interval: 100 },
  );
  const asked = ['2', '0', 'x', '999999'].map((page) => ask('GET', `/feeds/products.xml?page=${page}`));
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([404, 404, 404, 404]);
});
