import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let document: Json;
let staff: Browser;

beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off' } });
  document = (await shop.browser().get('/api/openapi.json')).body;
  staff = await shop.staff();
});
afterAll(() => shop[Symbol.asyncDispose]());

const operations = () =>
  Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    Object.entries<Json>(item).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation,
    })),
  );

describe('the OpenAPI document', () => {
  test('names every route of the API that the app has', () => {
    const documented = new Set(operations().map(({ method, path }) => `${method} ${path}`));
    const routes = shop.app.routes
      .filter(({ path, method }) => path.startsWith('/api/') && method !== 'ALL' && !path.includes('*'))
      .map(({ path, method }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const pages = new Set(['GET /api/openapi.json', 'GET /api/docs']);
    expect(routes.filter((route) => !documented.has(route) && !pages.has(route))).toEqual([]);
  });

  test('is true: answers are of the shapes that it tells', async () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema(document, 'api');
    const guest = shop.browser();
    await guest.add(shop.variants[0]!.id);
    const order = await guest.order();
    const person = shop.browser();
    await person.signUp('shapes@example.com');
    const seen: [string, string, number, Json][] = [];
    const ask = async (browser: Browser, path: string, documented: string) => {
      const { status, body } = await browser.get(path);
      seen.push(['get', documented, status, body]);
    };
    await ask(guest, '/api/products?limit=2', '/api/products');
    await ask(guest, `/api/products/${shop.slug}`, '/api/products/{slug}');
    await ask(guest, '/api/categories', '/api/categories');
    await ask(guest, '/api/cart', '/api/cart');
    await ask(guest, '/api/orders', '/api/orders');
    await ask(guest, `/api/orders/${order.body.id}`, '/api/orders/{id}');
    await ask(person, '/api/account', '/api/account');
    await ask(person, '/api/sessions', '/api/sessions');
    seen.push(['post', '/api/orders', order.status, order.body]);
    const productId = (await guest.get(`/api/products/${shop.slug}`)).body.id;
    const change = await staff.patch(`/api/staff/products/${productId}`, { name: 'Tee' });
    seen.push(['patch', '/api/staff/products/{id}', change.status, change.body]);
    for (const [method, path, status, body] of seen) {
      const pointer = `api#/paths/${path.replaceAll('/', '~1')}/${method}/responses/${status}/content/application~1json/schema`;
      const valid = ajv.validate({ $ref: pointer }, body);
      expect([path, status, valid, ajv.errors]).toEqual([path, status, true, null]);
    }
  });
});

describe('whatever is sent', () => {
  const nonsense = fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom('\0', '￿', '9'.repeat(40), -1, 1e308, null, [], {}, "'; drop table products; --"),
  );
  const segment = fc.oneof(
    fc.string({ minLength: 1, maxLength: 30 }),
    fc.constantFrom('0', '-1', '9'.repeat(30), '%00', '..', '1e9'),
  );

  test('no operation answers with a 5xx, and every refusal is a problem document', async () => {
    const targets = operations().filter(({ path }) => path !== '/api/webhooks/stripe');
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...targets),
        segment,
        nonsense,
        nonsense,
        fc.boolean(),
        async (target, id, body, query, asStaff) => {
          const path = target.path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(id));
          const names = (target.operation.parameters ?? [])
            .filter((parameter: { in: string }) => parameter.in === 'query')
            .map(
              (parameter: { name: string }) =>
                `${parameter.name}=${encodeURIComponent(String(query).toWellFormed())}`,
            );
          // Signing out or deleting the account would end what the other operations are tried with.
          const browser = asStaff && !/sessions|account$/.test(path) ? staff : shop.browser();
          const response = await browser.request(`${path}${names.length ? `?${names.join('&')}` : ''}`, {
            method: target.method,
            headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'fuzz' },
            ...(target.method === 'GET' ? {} : { body: mutate(target.operation, body) }),
          });
          const text = await response.text();
          expect([target.method, path, response.status, text.slice(0, 200)]).toSatisfy(
            () => response.status < 500,
          );
          if (response.status >= 400) {
            expect(response.headers.get('Content-Type')).toBe('application/problem+json');
            expect(JSON.parse(text)).toMatchObject({
              status: response.status,
              code: expect.stringMatching(/^[a-z-]+$/),
            });
          }
        },
      ),
      { numRuns: 600 },
    );
  });

  test('a body that is too large is 413, one that is no JSON 400, one of another type refused', async () => {
    const send = (body: string, type = 'application/json') =>
      shop.browser().request('/api/cart/lines', {
        method: 'POST',
        body,
        headers: { 'Content-Type': type, Origin: 'http://localhost' },
      });
    expect((await send(JSON.stringify({ variantId: 'x'.repeat(100_000), quantity: 1 }))).status).toBe(413);
    expect((await send('{"variantId":')).status).toBe(400);
    expect((await send('variantId=1', 'application/x-www-form-urlencoded')).status).toBeGreaterThanOrEqual(
      400,
    );
    expect((await send('variantId=1', 'text/plain')).status).toBeLessThan(500);
  });
});

/** The documented body with one member replaced by nonsense, or the nonsense by itself. */
function mutate(operation: Json, nonsense: unknown): string {
  const schema = operation.requestBody?.content?.['application/json']?.schema;
  const name = schema?.$ref?.split('/').at(-1);
  const properties = Object.keys(document.components.schemas[name]?.properties ?? {});
  if (properties.length === 0) return JSON.stringify(nonsense) ?? 'null';
  const body = Object.fromEntries(properties.map((property) => [property, samples[property] ?? 'x']));
  return JSON.stringify({ ...body, [properties[String(nonsense).length % properties.length]!]: nonsense });
}

const samples: Record<string, unknown> = {
  variantId: '1',
  quantity: 1,
  email: 'fuzz@example.com',
  password: 'a-password-of-tests',
  stock: 1,
  price: { amount: 1, currency: 'EUR' },
  payment: { provider: 'demo' },
  shippingAddress: { name: 'A', line1: 'B', city: 'C', postalCode: 'D', country: 'IE' },
};
