import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createApp } from '../../origin/app.ts';
import { createCarts } from '../../origin/cart/create-carts.ts';
import { createDeps } from '../../origin/deps.ts';
import { versionReaders } from '../../origin/version-readers.ts';
import { createFinishHeaders } from '../../origin/web/response-headers.ts';
import { Health } from '../../origin/web/serving/health.ts';
import { openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ env: { TRUSTED_PROXIES: '10.0.0.0/8' } });
});
afterAll(() => shop[Symbol.asyncDispose]());

const add = (headers: Record<string, string>) =>
  shop.browser().request('/api/cart/lines', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ variantId: shop.variants[0]!.id, quantity: 1 }),
  });
const form = (headers: Record<string, string>) =>
  shop.browser().request('/cart', {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    body: `variantId=${shop.variants[0]!.id}&quantity=1`,
  });

describe('a write', () => {
  test('from another site is refused, whatever way it is told', async () => {
    for (const headers of [
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { Origin: 'http://localhost:81' },
      { Origin: 'http://localhost', 'Sec-Fetch-Site': 'cross-site' },
    ] as Record<string, string>[]) {
      expect((await add(headers)).status).toBe(403);
      expect((await form(headers)).status).toBe(403);
    }
  });

  test('as JSON needs neither header, as a form one of the two', async () => {
    expect((await add({})).status).toBe(200);
    expect((await form({})).status).toBe(403);
    expect((await form({ Origin: 'http://localhost' })).status).toBe(303);
    expect((await form({ 'Sec-Fetch-Site': 'same-origin' })).status).toBe(303);
    expect((await form({ 'Sec-Fetch-Site': 'none' })).status).toBe(303);
  });

  test('without a body needs no content type', async () => {
    const browser = shop.browser();
    await browser.add(shop.variants[0]!.id);
    expect((await browser.delete(`/api/cart/lines/${shop.variants[0]!.id}`)).status).toBe(200);
  });
});

describe('every response', () => {
  const paths = [
    '/',
    '/cart',
    '/nothing',
    '/api/products',
    '/api/cart',
    '/api/nothing',
    '/livez',
    '/api/docs',
    '/api/docs/shapes',
    '/sign-in',
    '/checkout',
  ];

  test.each(paths)('%s bears the headers that all bear', async (path) => {
    const { headers } = await shop.browser().request(path);
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(headers.get('Referrer-Policy')).not.toBeNull();
    expect(headers.get('Served-By')).toMatch(/^[\w.-]+\/[\w.-]+$/);
    expect(headers.get('Server-Timing')).not.toBeNull();
    expect(headers.get('Cache-Status')).toMatch(/^origin;/);
    expect(headers.get('Cache-Control')).not.toBeNull();
    expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin');
    // The test shop's address is not https.
    expect(headers.has('Strict-Transport-Security')).toBe(false);
    if (!headers.get('Content-Type')?.startsWith('text/html')) return;
    expect(headers.get('Cross-Origin-Opener-Policy')).toBe('same-origin');
    expect(headers.get('Permissions-Policy')).toContain('camera=()');
    expect(headers.get('Reporting-Endpoints')).toBe('csp="/csp-reports"');
    const policy = headers.get('Content-Security-Policy') ?? '';
    expect(policy).toMatch(/frame-ancestors/);
    expect(/script-src ([^;]*)/.exec(policy)?.[1]).not.toMatch(/unsafe-inline|\*/);
  });

  test('of a shop whose address is https tells browsers to come by https alone', async () => {
    const headers = new Headers();
    createFinishHeaders({ ...shop.deps.settings, siteUrl: 'https://myclothes.example' })(headers);
    expect(headers.get('Strict-Transport-Security')).toBe('max-age=31536000; includeSubDomains');
  });

  test('to a report of a content policy is 204, and few of them are logged, without queries', async () => {
    const warn = vi.spyOn(shop.deps.log, 'warn').mockReturnValue(undefined);
    const report = (text: string) =>
      shop.browser().request('/csp-reports', {
        method: 'POST',
        headers: { 'Content-Type': 'application/csp-report' },
        body: text,
      });
    const told = {
      'document-uri': 'http://localhost/search?q=secret',
      'blocked-uri': 'https://evil.example/x',
    };
    const bodies = ['', 'null', '[1]', '{', 'x'.repeat(20_000)];
    for (const body of bodies) expect((await report(body)).status).toBe(204);
    for (let n = 0; n < 40; n++) await report(JSON.stringify({ 'csp-report': told }));
    expect(warn.mock.calls.length).toBeLessThanOrEqual(40);
    expect(warn.mock.calls.length).toBeGreaterThan(0);
    expect(warn.mock.calls[0]![0]).toMatchObject({ security: 'csp', page: 'http://localhost/search' });
    warn.mockRestore();
  });

  test('of a shared page is compressed, validated by its ETag, and bears its tags', async () => {
    const browser = shop.browser();
    for (const encoding of ['br', 'gzip']) {
      const page = await browser.request(`/p/${shop.slug}`, { headers: { 'Accept-Encoding': encoding } });
      expect(page.headers.get('Content-Encoding')).toBe(encoding);
      expect(page.headers.get('Cache-Tag')).toMatch(/product:\d+@\d+/);
      const etag = page.headers.get('ETag')!;
      const again = await browser.request(`/p/${shop.slug}`, {
        headers: { 'Accept-Encoding': encoding, 'If-None-Match': etag },
      });
      expect(again.status).toBe(304);
      expect(again.headers.get('Cache-Tag')).toBe(page.headers.get('Cache-Tag'));
    }
    const plain = await browser.request(`/p/${shop.slug}`, {
      headers: { 'Accept-Encoding': 'br;q=0, gzip;q=0' },
    });
    expect(plain.headers.get('Content-Encoding')).toBeNull();
  });

  test.each(['/api/openapi.json', '/api/docs', '/api/docs/shapes'])(
    'of %s is compressed, and validated by its ETag',
    async (path) => {
      const browser = shop.browser();
      const asked = (headers: Record<string, string>) => browser.request(path, { headers });
      const plain = await (await asked({})).text();
      const decode = { br: brotliDecompressSync, gzip: gunzipSync };
      for (const encoding of ['br', 'gzip'] as const) {
        const answer = await asked({ 'Accept-Encoding': encoding });
        expect(answer.headers.get('Content-Encoding')).toBe(encoding);
        expect(answer.headers.get('Vary')).toBe('Accept-Encoding');
        expect(decode[encoding](await answer.arrayBuffer()).toString()).toBe(plain);
        const etag = answer.headers.get('ETag')!;
        expect((await asked({ 'Accept-Encoding': encoding, 'If-None-Match': etag })).status).toBe(304);
        expect((await asked({ 'If-None-Match': etag })).status).toBe(200);
      }
    },
  );

  test('of a page whose address is a secret tells it to no other site', async () => {
    const page = await shop.browser().request('/reset-password?token=a-secret');
    expect(page.headers.get('Referrer-Policy')).toBe('no-referrer');
  });

  test('that is personal is kept by no cache', async () => {
    const browser = shop.browser();
    await browser.signUp('private@example.com');
    for (const path of [
      '/cart',
      '/account',
      '/api/cart',
      '/api/account',
      '/api/sessions',
      '/api/orders',
      '/sign-in',
    ]) {
      expect((await browser.request(path)).headers.get('Cache-Control')).toBe('private, no-store');
    }
  });
});

describe('a method that an address does not know', () => {
  const ask = (method: string, path: string) =>
    shop.browser().request(path, { method, headers: { Origin: 'http://localhost' } });

  test.each([
    ['PUT', '/api/cart', 'GET, HEAD'],
    ['DELETE', '/api/cart/lines', 'POST'],
    ['PATCH', '/api/cart/lines/1', 'DELETE, PUT'],
    ['POST', '/api/products/plain-tee', 'GET, HEAD'],
    ['POST', '/c/shirts', 'GET, HEAD'],
    ['PUT', '/cart', 'GET, HEAD, POST'],
  ])('%s %s is 405 and told %s', async (method, path, allow) => {
    const response = await ask(method, path);
    expect(response.status).toBe(405);
    expect(response.headers.get('Allow')).toBe(allow);
    expect(response.headers.get('Cache-Control')).toBe('private, no-store');
    if (path.startsWith('/api/'))
      expect(await response.json()).toMatchObject({ status: 405, code: 'method-not-allowed' });
    else expect(await response.text()).toContain('<h1>');
  });

  test('OPTIONS is told the same without a refusal', async () => {
    const response = await ask('OPTIONS', '/api/cart/lines/1');
    expect(response.status).toBe(204);
    expect(response.headers.get('Allow')).toBe('DELETE, PUT');
  });

  test('where there is nothing for any method it is 404', async () => {
    for (const [method, path] of [
      ['DELETE', '/api/nowhere'],
      ['OPTIONS', '/nowhere'],
      ['GET', '/assets/nothing.css'],
    ] as const) {
      const response = await ask(method, path);
      expect(response.status).toBe(404);
      expect(response.headers.get('Allow')).toBeNull();
    }
  });
});

describe('a warm product page', () => {
  test('asks nothing of Postgres: an origin that has none serves it out of Redis', async () => {
    await shop.browser().request(`/p/${shop.slug}`);
    const settings = { ...shop.deps.settings, databaseUrl: 'postgres://nobody@127.0.0.1:1/none' };
    await using deps = createDeps(settings, shop.deps.log, { versionReaders });
    await vi.waitFor(() => deps.redis.ping(), { timeout: 20_000, interval: 10 });
    const carts = createCarts(deps);
    const app = createApp(deps, carts, new Health());
    const warm = await app.request(`/p/${shop.slug}`);
    expect([warm.status, warm.headers.get('Cache-Status')]).toEqual([200, 'origin; hit']);
    expect((await app.request('/p/wool-coat')).status).toBe(503);
    await carts.close();
  });
});
