// The OpenAPI document is complete and true: it has each route of the app, and every answer matches it, whatever is
// sent.
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc, { type Arbitrary } from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';
import { nonsense, type Schema, spoil, valueFrom } from './schema-values.ts';

interface Operation {
  path: string;
  method: string;
  parameters: { name: string; in: 'path' | 'query' | 'header'; schema: Schema }[];
  body: Schema | undefined;
}

let shop: Shop;
let document: Json;
let staff: Browser;
let ajv: Ajv2020;

beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off' } });
  document = (await shop.browser().get('/api/openapi.json')).body;
  staff = await shop.staff();
  ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(closed(document), 'api');
});
afterAll(() => shop[Symbol.asyncDispose]());

const operations = (): Operation[] =>
  Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    Object.entries<Json>(item).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      parameters: operation.parameters ?? [],
      body: operation.requestBody?.content?.['application/json']?.schema,
    })),
  );
const nameOf = ({ method, path }: Pick<Operation, 'method' | 'path'>) => `${method} ${path}`;

/** @returns how this answer differs from the document; undefined where it matches */
function untold({ path, method }: Operation, response: Response, text: string): unknown {
  const { responses } = document.paths[path][method.toLowerCase()];
  const key = responses[response.status] === undefined ? 'default' : String(response.status);
  if (key === 'default' && response.status < 400) return `no answer ${response.status} is told of`;
  for (const [name, { $ref }] of Object.entries<Json>(responses[key].headers)) {
    const { required } = document.components.headers[$ref.split('/').at(-1)];
    if (required && !response.headers.has(name)) return `no header ${name}`;
  }
  if (responses[key].content === undefined) return text === '' ? undefined : 'a body where none is told of';
  const [[type = '', { schema }] = ['', {}]] = Object.entries<Json>(responses[key].content);
  if (!response.headers.get('Content-Type')?.startsWith(type)) return response.headers.get('Content-Type');
  const pointer = `paths/${path.replaceAll('/', '~1')}/${method.toLowerCase()}/responses/${key}/content/${type.replaceAll('/', '~1')}/schema`;
  expect(schema).toBeDefined();
  return ajv.validate({ $ref: `api#/${pointer}` }, JSON.parse(text)) ? undefined : ajv.errors;
}

/**
 * Closes a schema against further members. The document leaves answers open, because they may grow, but today's
 * answers must be described completely.
 */
function closed(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  // The members of a problem depend on its code.
  if (schema.properties?.code && schema.properties.detail) return schema;
  if (schema.allOf) return { ...schema, allOf: schema.allOf.map(withCodesOnly) };
  const copy = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  if (schema.type === 'object' && schema.properties) copy['additionalProperties'] ??= false;
  return withoutUnknownValue(copy);
}
const withCodesOnly = (part: Json) =>
  part.properties?.code ? { ...part, properties: { code: withoutUnknownValue(part.properties.code) } } : part;
const withoutUnknownValue = (schema: Json) =>
  schema.anyOf?.[0].enum ? { ...schema, anyOf: [schema.anyOf[0]] } : schema;

describe('the OpenAPI document', () => {
  test('names every route of the API that the app has', () => {
    const documented = new Set(operations().map(nameOf));
    const routes = shop.app.routes
      .filter(({ path, method }) => path.startsWith('/api/') && method !== 'ALL' && !path.includes('*'))
      .map(({ path, method }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const pages = new Set(['GET /api/openapi.json', 'GET /api/docs', 'GET /api/docs/shapes']);
    expect(routes.filter((route) => !documented.has(route) && !pages.has(route))).toEqual([]);
  });

  test('leaves answers open for what they may tell one day, and closes requests', async () => {
    const answers = JSON.stringify(
      operations().map(({ path, method }) => document.paths[path][method.toLowerCase()].responses),
    );
    const named = reachable(answers);
    const closedOnes = [...named].filter(
      (name) => document.components.schemas[name].additionalProperties === false,
    );
    expect([...named].length).toBeGreaterThan(15);
    expect(closedOnes).toEqual([]);
    const bodies = reachable(JSON.stringify(operations().map(({ body }) => body ?? {})));
    const openOnes = [...bodies].filter(
      (name) => document.components.schemas[name].additionalProperties !== false,
    );
    expect(openOnes).toEqual([]);
    // A value that clients do not know yet must match the document; see the test of the checker below.
    const open = new Ajv2020({ strict: false });
    addFormats.default(open);
    open.addSchema(document, 'open');
    const { body } = await shop.browser().get('/api/cart');
    expect(
      open.validate({ $ref: 'open#/components/schemas/Cart' }, { ...body, durability: 'tape', gift: true }),
    ).toBe(true);
    expect(open.validate({ $ref: 'open#/components/schemas/Cart' }, { ...body, count: '3' })).toBe(false);
  });

  test('names Location in each answer of 201', () => {
    const made = operations()
      .map(({ path, method }) => document.paths[path][method.toLowerCase()])
      .filter(({ responses }) => responses['201'] !== undefined);
    expect(made.length).toBeGreaterThan(12);
    for (const { operationId, responses } of made)
      expect([operationId, responses['201'].headers.Location]).toEqual([operationId, expect.anything()]);
  });

  test('says of each operation what it is called, who may call it, and how it can be refused', () => {
    const ids = new Set<string>();
    for (const { path, method } of operations()) {
      const operation = document.paths[path][method.toLowerCase()];
      ids.add(operation.operationId);
      expect(operation.security, path).toBeInstanceOf(Array);
      expect(operation.responses['400'], path).toBeDefined();
      expect(operation.responses['503'].headers['Retry-After'], path).toBeDefined();
    }
    expect(ids.size).toBe(operations().length);
    expect(document.paths['/api/orders'].post.responses['428']).toBeDefined();
    expect(document.paths['/api/products'].get.responses['304']).toBeDefined();
    const [limit] = document.paths['/api/products'].get.parameters.filter(
      (one: Json) => one.name === 'limit',
    );
    expect(limit.schema).toMatchObject({ type: 'integer', minimum: 1, maximum: 100, default: 24 });
  });

  test('mentions null only where an answer has it', () => {
    const nullable = Object.entries<Json>(document.components.schemas)
      .filter(([, schema]) => [schema.type].flat().includes('null'))
      .map(([name]) => name);
    expect(nullable).toEqual([]);
  });

  test('tells in which orders products are listed, and no other is taken', async () => {
    const list = operations().find((one) => nameOf(one) === 'GET /api/products')!;
    const told = list.parameters.find(({ name }) => name === 'sort')!.schema.enum as string[];
    expect(told).toEqual(['relevance', 'newest', 'price-asc', 'price-desc']);
    const statusOf = async (sort: string) => (await shop.browser().get(`/api/products?sort=${sort}`)).status;
    for (const sort of told) expect(await statusOf(sort)).toBe(200);
    expect(await statusOf('cheapest')).toBe(400);
  });

  test('describes the successful answer of every operation', async () => {
    const seen = new Map<string, number>();
    const ask = async (browser: Browser, method: string, path: string, told: string, body?: unknown) => {
      const response = await browser.request(path, {
        method,
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const operation = operations().find((one) => nameOf(one) === `${method} ${told}`)!;
      expect([method, path, response.status, untold(operation, response, text)]).toEqual([
        method,
        path,
        expect.toBeOneOf([200, 201, 202, 204]),
        undefined,
      ]);
      seen.set(nameOf(operation), response.status);
      return text === '' ? undefined : JSON.parse(text);
    };
    const person = shop.browser();
    const credentials = { email: 'shapes@example.com', password: 'a-password-of-tests' };
    const [variant] = shop.variants;
    await ask(person, 'GET', '/api/products?limit=1&q=tee', '/api/products');
    const product = await ask(person, 'GET', `/api/products/${shop.slug}`, '/api/products/{slug}');
    await ask(person, 'GET', '/api/categories', '/api/categories');
    await ask(person, 'GET', '/api/cart', '/api/cart');
    await ask(person, 'POST', '/api/cart/lines', '/api/cart/lines', { variantId: variant!.id, quantity: 3 });
    const line = `/api/cart/lines/${variant!.id}`;
    await ask(person, 'PUT', line, '/api/cart/lines/{variantId}', { quantity: 1 });
    await ask(person, 'POST', '/api/accounts', '/api/accounts', { ...credentials, name: 'Shapes' });
    const order = await ask(person, 'POST', '/api/orders', '/api/orders', orderOf(credentials.email));
    await ask(person, 'GET', '/api/orders', '/api/orders');
    await ask(person, 'GET', '/api/checkout-options', '/api/checkout-options');
    await ask(person, 'GET', `/api/orders/${order.id}`, '/api/orders/{id}');
    await askAfterPurchase(ask, { person, order, variantId: variant!.id });
    await person.add(variant!.id);
    await ask(person, 'DELETE', line, '/api/cart/lines/{variantId}');
    await ask(shop.browser(), 'POST', '/api/sessions', '/api/sessions', credentials);
    const { items } = await ask(person, 'GET', '/api/sessions', '/api/sessions');
    const other = items.find((session: Json) => !session.current);
    await ask(person, 'DELETE', `/api/sessions/${other.id}`, '/api/sessions/{id}');
    await ask(person, 'GET', '/api/sessions/current', '/api/sessions/current');
    await ask(person, 'GET', '/api/account', '/api/account');
    await ask(person, 'PATCH', '/api/account', '/api/account', { name: 'Other Shapes' });
    await ask(person, 'GET', '/api/account/export', '/api/account/export');
    const factor = '/api/account/second-factor';
    await ask(person, 'POST', factor, factor, { password: credentials.password });
    await ask(person, 'GET', factor, factor);
    const changes = '/api/account/email-changes';
    await ask(person, 'POST', changes, changes, {
      email: 'other@example.com',
      password: credentials.password,
    });
    await ask(person, 'DELETE', `${changes}/current`, `${changes}/current`);
    const change = { currentPassword: credentials.password, newPassword: 'another-password' };
    await ask(person, 'PUT', '/api/account/password', '/api/account/password', change);
    await ask(person, 'POST', '/api/password-resets', '/api/password-resets', { email: credentials.email });
    await ask(person, 'DELETE', '/api/account', '/api/account');
    await ask(person, 'DELETE', '/api/sessions/current', '/api/sessions/current');
    const staffProduct = `/api/staff/products/${product.id}`;
    const price = { amount: 1_999, currency: 'EUR' };
    const { invalidation } = await ask(staff, 'PATCH', staffProduct, '/api/staff/products/{id}', { price });
    const invalidationPath = `/api/staff/invalidations/${invalidation.id}`;
    await ask(staff, 'GET', invalidationPath, '/api/staff/invalidations/{id}');
    const sale = { price: { amount: 999, currency: 'EUR' }, startsAt: '2099-01-01T00:00:00Z' };
    const sales = [`${staffProduct}/sales`, '/api/staff/products/{id}/sales'] as const;
    const planned = await ask(staff, 'POST', ...sales, sale);
    await ask(staff, 'GET', ...sales);
    await ask(staff, 'GET', `${sales[0]}/${planned.sale.id}`, `${sales[1]}/{sale}`);
    await ask(staff, 'PATCH', `${sales[0]}/${planned.sale.id}`, `${sales[1]}/{sale}`, { endsAt: null });
    await ask(staff, 'DELETE', `${sales[0]}/${planned.sale.id}`, `${sales[1]}/{sale}`);
    const stock = `/api/staff/variants/${variant!.id}/stock`;
    await ask(staff, 'PUT', stock, '/api/staff/variants/{id}/stock', { stock: 20 });
    await ask(person, 'GET', '/api/shipping-methods?country=IE', '/api/shipping-methods');
    const methods = '/api/staff/shipping-methods';
    await ask(staff, 'PUT', methods, methods, await ask(staff, 'GET', methods, methods));
    const holidays = '/api/staff/holidays';
    await ask(staff, 'PUT', holidays, holidays, await ask(staff, 'GET', holidays, holidays));
    const promotions = '/api/staff/promotions';
    const promotion = { code: 'shapes', kind: 'percent', value: 10, uses: 3, endsAt: '2100-01-01T00:00:00Z' };
    const { id: promotionId } = await ask(staff, 'POST', promotions, promotions, promotion);
    await ask(staff, 'GET', promotions, promotions);
    const keys = '/api/staff/api-keys';
    const newKey = await ask(staff, 'POST', keys, keys, { name: 'ERP', scopes: ['orders:read'] });
    await ask(staff, 'GET', keys, keys);
    await ask(staff, 'GET', `${keys}/${newKey.id}`, `${keys}/{id}`);
    await ask(staff, 'DELETE', `${keys}/${newKey.id}`, `${keys}/{id}`);
    await ask(staff, 'GET', '/api/staff/events?limit=500', '/api/staff/events');
    const rows = { changes: [{ sku: variant!.sku, add: 1 }, { sku: 'none', set: 1 }, null] };
    await ask(staff, 'POST', '/api/staff/stock', '/api/staff/stock', rows);
    await ask(staff, 'GET', `/api/staff/variants?sku=${variant!.sku}`, '/api/staff/variants');
    const hooks = '/api/staff/webhooks';
    const hook = await ask(staff, 'POST', hooks, hooks, { url: 'https://erp.example/hooks' });
    await ask(staff, 'GET', hooks, hooks);
    const oneHook = [`${hooks}/${hook.id}`, `${hooks}/{id}`] as const;
    await ask(staff, 'GET', ...oneHook);
    await ask(staff, 'PATCH', ...oneHook, { state: 'paused' });
    await ask(staff, 'POST', `${oneHook[0]}/replays`, `${oneHook[1]}/replays`, { eventId: '1' });
    await ask(staff, 'GET', `${oneHook[0]}/deliveries`, `${oneHook[1]}/deliveries`);
    await ask(staff, 'POST', `${oneHook[0]}/secret`, `${oneHook[1]}/secret`, {});
    await ask(staff, 'POST', `${oneHook[0]}/test`, `${oneHook[1]}/test`, {});
    await ask(staff, 'DELETE', ...oneHook);
    const addresses = '/api/account/addresses';
    const owner = shop.browser();
    await owner.signUp('address-book@example.com');
    const address = {
      name: 'Ada',
      line1: 'Rue 1',
      postalCode: '75001',
      city: 'Paris',
      country: 'FR',
    };
    const kept = await ask(owner, 'POST', addresses, addresses, address);
    await ask(owner, 'GET', addresses, addresses);
    const oneAddress = [`${addresses}/${kept.id}`, `${addresses}/{id}`] as const;
    await ask(owner, 'GET', ...oneAddress);
    await ask(owner, 'PUT', ...oneAddress, { ...address, city: 'Lyon' });
    await ask(owner, 'DELETE', ...oneAddress);
    const shopper = shop.browser();
    await shopper.add(variant!.id);
    const preview = '/api/promotions/preview';
    await ask(shopper, 'POST', preview, preview, { code: 'shapes', country: 'FI' });
    const onePromotion = [`${promotions}/${promotionId}`, `${promotions}/{id}`] as const;
    await ask(staff, 'GET', ...onePromotion);
    await ask(staff, 'PATCH', ...onePromotion, { products: ['nothing'], endsAt: null });
    await ask(staff, 'DELETE', ...onePromotion);
    const members = '/api/staff/members';
    const colleague = { email: 'colleague@example.com', role: 'editor' };
    await shop.browser().signUp(colleague.email);
    const { id: memberId } = await ask(staff, 'POST', members, members, colleague);
    const oneMember = [`${members}/${memberId}`, `${members}/{id}`] as const;
    await ask(staff, 'PATCH', ...oneMember, { role: 'viewer' });
    await ask(staff, 'GET', members, members);
    await ask(staff, 'GET', ...oneMember);
    await ask(staff, 'DELETE', `${oneMember[0]}/sessions`, `${oneMember[1]}/sessions`);
    await ask(staff, 'DELETE', ...oneMember);
    // Other tests cover operations that need a mailed token, a code, or Stripe's signature.
    const elsewhere = [
      'POST /api/account/second-factor/removal',
      'POST /api/sessions/current/verification',
      'POST /api/email-confirmations',
      'POST /api/email-confirmations/undo',
      'PUT /api/account/second-factor',
      'PUT /api/password-resets/{token}',
      'GET /api/orders/{id}/invoice',
      'GET /api/orders/{id}/invoice.xml',
      'GET /api/orders/{id}/refunds/{refund}/credit-note',
      'GET /api/orders/{id}/refunds/{refund}/credit-note.xml',
      'POST /api/webhooks/stripe',
    ];
    expect(
      operations()
        .map(nameOf)
        .filter((name) => !seen.has(name))
        .sort(),
    ).toEqual(elsewhere.sort());
  });
});

type Ask = (by: Browser, method: string, path: string, told: string, body?: unknown) => Promise<Json>;

/** Ships an order and sends it back. Another is cancelled by its shopper, and a third by staff. */
async function askAfterPurchase(
  ask: Ask,
  { person, order, variantId }: { person: Browser; order: Json; variantId: string },
): Promise<void> {
  const buy = (provider: string) => person.buy(variantId, 1, { payment: { provider } });
  const [atDoor, second] = [await buy('on-delivery'), await buy('demo')];
  const pieces = [{ variantId, quantity: 1 }];
  await ask(person, 'POST', `/api/orders/${second.id}/cancellation`, '/api/orders/{id}/cancellation', {});
  const lookUp = { number: order.number, email: 'shapes@example.com' };
  await ask(person, 'POST', '/api/order-lookups', '/api/order-lookups', lookUp);
  const one = '/api/staff/orders/{id}';
  const path = `/api/staff/orders/${order.id}`;
  const { shipments } = await ask(staff, 'POST', `${path}/shipments`, `${one}/shipments`, { carrier: 'DHL' });
  await ask(staff, 'PATCH', `${path}/shipments/${shipments[0].id}`, `${one}/shipments/{shipment}`, {
    deliveredAt: new Date().toISOString(),
  });
  const announce = () =>
    ask(person, 'POST', `/api/orders/${order.id}/returns`, '/api/orders/{id}/returns', { lines: pieces });
  const refused = await announce();
  const ofReturn = (id: string, what: string, body: object) =>
    ask(staff, 'POST', `/api/staff/returns/${id}/${what}`, `/api/staff/returns/{id}/${what}`, body);
  await ofReturn(refused.id, 'refusal', { reason: 'It was worn' });
  const { id } = await announce();
  await ask(staff, 'POST', `${path}/refunds`, `${one}/refunds`, { amount: 1, reason: 'A seam was open' });
  await ofReturn(id, 'receipt', { lines: [{ ...pieces[0], restock: true }] });
  await ask(staff, 'GET', '/api/staff/orders?limit=2', '/api/staff/orders');
  await ask(staff, 'GET', path, one);
  const customers = '/api/staff/customers';
  const { items } = await ask(staff, 'GET', `${customers}?q=shapes`, customers);
  await ask(staff, 'GET', `${customers}/${items[0].id}`, `${customers}/{id}`);
  const door = `/api/staff/orders/${atDoor.id}`;
  const amount = { amount: 1, currency: 'EUR' };
  await ask(staff, 'POST', `${door}/payments`, `${one}/payments`, { amount });
  await ask(staff, 'POST', `${door}/cancellation`, `${one}/cancellation`, { reason: 'Asked by phone' });
}

describe('whatever is sent', () => {
  test('no operation answers with a 5xx, and every answer is one that the document tells of', async () => {
    const known = {
      variantId: [...shop.variants.map(({ id }) => id), '999999'],
      quantity: [0, 1, 99],
      currency: ['EUR'],
      country: ['IE', 'de'],
      id: [...shop.variants.map(({ id }) => id), '1', '2'],
      slug: [shop.slug, 'wool-coat'],
      email: ['fuzz@example.com'],
      password: ['a-password-of-tests'],
    };
    const { schemas } = document.components;
    const requestOf = (
      operation: Operation,
    ): Arbitrary<{ operation: Operation; url: string; body: unknown }> => {
      const part = (place: 'path' | 'query') =>
        fc.record(
          Object.fromEntries(
            operation.parameters
              .filter((parameter) => parameter.in === place)
              .map(({ name, schema }) => [
                name,
                fc.oneof(valueFrom(schema, schemas, known, name), nonsense.map(textOf)),
              ]),
          ),
          place === 'query' ? { requiredKeys: [] } : {},
        ) as Arbitrary<Record<string, unknown>>;
      const right = operation.body ? valueFrom(operation.body, schemas, known) : fc.constant(undefined);
      const body = operation.body
        ? fc.oneof(right, right.chain(spoil), right.chain(spoil), nonsense)
        : fc.constant(undefined);
      return fc.tuple(part('path'), part('query'), body).map(([path, query, sent]) => ({
        operation,
        url: urlOf(operation.path, path, query),
        body: sent,
      }));
    };
    const targets = operations().filter(({ path }) => path !== '/api/webhooks/stripe');
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...targets).chain(requestOf),
        fc.boolean(),
        async ({ operation, url, body }, asStaff) => {
          // Signing out, a new password or deleting the account would break the requests of other operations.
          const isStaff = asStaff && !/sessions|account|password/.test(operation.path);
          const response = await (isStaff ? staff : shop.browser()).request(url, {
            method: operation.method,
            headers: { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() },
            ...(operation.method === 'GET' ? {} : { body: JSON.stringify(body) ?? '' }),
          });
          const text = await response.text();
          const what = [operation.method, url, JSON.stringify(body), response.status, text.slice(0, 300)];
          expect(what).toSatisfy(() => response.status < 500);
          expect([...what, untold(operation, response, text)].at(-1), what.join(' ')).toBeUndefined();
        },
      ),
      { numRuns: 700 },
    );
  }, 180_000);

  test('the checker can fail: it finds an answer with an extra member', async () => {
    const operation = operations().find((one) => nameOf(one) === 'GET /api/cart')!;
    const { body } = await shop.browser().get('/api/cart');
    const names = ['Cache-Control', 'Cache-Status', 'Served-By', 'Server-Timing'];
    const headers = Object.fromEntries(names.map((name) => [name, 'x']));
    const answer = new Response(null, { headers: { ...headers, 'Content-Type': 'application/json' } });
    expect(untold(operation, answer, JSON.stringify(body))).toBeUndefined();
    expect(untold(operation, answer, JSON.stringify({ ...body, owner: 'somebody' }))).toBeDefined();
    expect(untold(operation, answer, JSON.stringify({ ...body, durability: 'tape' }))).toBeDefined();
    const problem = { type: 'about:blank', title: 'x', status: 401, code: 'session-ended', detail: 'x' };
    const refusal = new Response(null, {
      status: 401,
      headers: { ...headers, 'Content-Type': 'application/problem+json', 'WWW-Authenticate': 'Cookie' },
    });
    expect(untold(operation, refusal, JSON.stringify(problem))).toBeUndefined();
    expect(untold(operation, refusal, JSON.stringify({ ...problem, code: 'staff-only' }))).toBeDefined();
    refusal.headers.delete('WWW-Authenticate');
    expect(untold(operation, refusal, JSON.stringify(problem))).toBe('no header WWW-Authenticate');
  });

  test('a body that is too large is 413, one that is no JSON 400, one of another type 415', async () => {
    const send = (body: string, type = 'application/json') =>
      shop.browser().request('/api/cart/lines', {
        method: 'POST',
        body,
        headers: { 'Content-Type': type, Origin: 'http://localhost' },
      });
    const tooLarge = JSON.stringify({ variantId: 'x'.repeat(100_000), quantity: 1 });
    expect((await send(tooLarge)).status).toBe(413);
    expect((await send('{"variantId":')).status).toBe(400);
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/octet-stream'])
      expect((await send('variantId=1', type)).status).toBe(415);
  });
});

/** @returns names of the schemas that a text refers to, directly or through other schemas */
function reachable(text: string, found = new Set<string>()): Set<string> {
  for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    if (found.has(name)) continue;
    found.add(name);
    reachable(JSON.stringify(document.components.schemas[name]), found);
  }
  return found;
}

function urlOf(template: string, path: Record<string, unknown>, query: Record<string, unknown>): string {
  const filled = template.replaceAll(
    /\{(\w+)\}/g,
    (_, name) => encodeURIComponent(textOf(path[name])) || '-',
  );
  const words = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(textOf(value))}`);
  return words.length === 0 ? filled : `${filled}?${words.join('&')}`;
}

/** `String` alone would fail, because random input may have a member `toString` that is no function. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(',');
  return (typeof value === 'object' ? JSON.stringify(value) : String(value)).toWellFormed();
}

function orderOf(email: string) {
  const shippingAddress = { name: 'A', line1: 'B', city: 'C', postalCode: '10115', country: 'DE' };
  return { email, shippingAddress, payment: { provider: 'demo' } };
}
