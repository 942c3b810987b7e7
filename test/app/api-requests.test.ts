// Status, headers and problem documents of the JSON API for every request of a program.
import { gzipSync } from 'node:zlib';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { toRefusal } from '../../origin/web/problem.ts';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let people = 0;
beforeAll(async () => {
  shop = await openShop({ worker: true, env: { RATE_LIMITS: 'off' } });
});
afterAll(() => shop[Symbol.asyncDispose]());

const password = 'a-password-of-tests';
const send = (path: string, init: RequestInit) => shop.browser().request(path, { method: 'POST', ...init });
const problemOf = async (response: Response) => {
  expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  const problem = (await response.json()) as { status: number; code: string; detail: string };
  expect(problem.status).toBe(response.status);
  return problem;
};

describe('a body', () => {
  const add = () => JSON.stringify({ variantId: shop.variants[0]!.id, quantity: 1 });

  test.each([
    ['no type', undefined],
    ['the type that curl gives', 'application/x-www-form-urlencoded'],
    ['the type that fetch gives', 'text/plain;charset=UTF-8'],
    ['a type without parameters that has a semicolon', 'application/jsonp'],
  ])('of JSON with %s is told which type to send, not that it came from another site', async (_, type) => {
    for (const site of [{}, { Origin: 'http://localhost' }] as Record<string, string>[]) {
      const body = new TextEncoder().encode(add());
      const answer = await send('/api/cart/lines', {
        body,
        headers: { ...site, ...(type ? { 'Content-Type': type } : {}) },
      });
      expect(answer.headers.get('Accept')).toBe('application/json');
      const { status, code, detail } = await problemOf(answer);
      expect([status, code]).toEqual([415, 'unsupported-media-type']);
      expect(detail).toContain('application/json');
    }
  });

  test('that came from another site is refused as such, whatever its type', async () => {
    for (const type of ['text/plain', 'application/json']) {
      const headers = { Origin: 'https://evil.example', 'Content-Type': type };
      expect((await problemOf(await send('/api/cart/lines', { body: add(), headers }))).code).toBe(
        'cross-site',
      );
    }
  });

  test.each(['gzip', 'br', 'deflate', 'x-unknown', 'identity, gzip'])(
    'encoded by %s is 415, and told that none is read',
    async (coding) => {
      const headers = { 'Content-Type': 'application/json', 'Content-Encoding': coding };
      for (const path of ['/api/cart/lines', '/api/orders', '/api/sessions', '/cart']) {
        const answer = await send(path, {
          body: gzipSync(add()),
          headers: { ...headers, Origin: 'http://localhost' },
        });
        expect(answer.status).toBe(415);
        expect(answer.headers.get('Accept-Encoding')).toBe('identity');
        if (path !== '/cart') expect((await problemOf(answer)).code).toBe('unsupported-content-encoding');
      }
    },
  );

  test('whose encoding is `identity` is read', async () => {
    const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'identity' };
    expect((await send('/api/cart/lines', { body: add(), headers })).status).toBe(200);
  });
});

describe('an address of the API', () => {
  test.each([
    '/api',
    '/api/',
    '/api?x=1',
    '/api/nothing',
    '/api/cart/',
    '/api/products//',
    '/api/orders/1/more',
  ])('at which nothing is answers a problem: %s', async (path) => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const answer = await shop.browser().request(path, { method });
      expect((await problemOf(answer)).code).toBe('not-found');
    }
  });
});

describe('an answer of 401', () => {
  test('bears a challenge that opens no dialog, on API and pages alike', async () => {
    const wrong = JSON.stringify({ email: 'nobody@example.com', password });
    const answers = [
      await shop.browser().request('/api/account'),
      await shop.browser().request('/api/staff/invalidations/1'),
      await send('/api/sessions', { body: wrong, headers: { 'Content-Type': 'application/json' } }),
      await send('/sign-in', {
        body: new URLSearchParams({ email: 'nobody@example.com', password }),
        headers: { Origin: 'http://localhost' },
      }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Cookie realm="/);
    }
  });
});

describe('an answer with an ETag', () => {
  test('is not sent to who has it, whatever it is of', async () => {
    const home = await (await shop.browser().request('/')).text();
    const files = [...home.matchAll(/"(\/(?:assets|images)\/[^"]+)"/g)].map(([, path]) => path!);
    const paths = [
      '/',
      `/p/${shop.slug}`,
      '/api/products',
      '/api/openapi.json',
      '/robots.txt',
      '/sitemap.xml',
    ];
    paths.push('/images/no-picture.svg', '/manifest.webmanifest', ...new Set(files));
    for (const path of paths) {
      for (const coding of ['identity', 'br']) {
        const ask = (headers: Record<string, string>) =>
          shop.browser().request(path, { headers: { 'Accept-Encoding': coding, ...headers } });
        const whole = await ask({});
        const etag = whole.headers.get('ETag');
        expect([path, whole.status, etag]).toEqual([path, 200, expect.stringMatching(/^"[^"]+"$/)]);
        const known = await ask({ 'If-None-Match': `"other", W/${etag}` });
        expect([path, known.status, await known.text()]).toEqual([path, 304, '']);
        for (const name of ['ETag', 'Vary', 'Cache-Control'])
          expect([path, name, known.headers.get(name)]).toEqual([path, name, whole.headers.get(name)]);
        expect((await ask({ 'If-None-Match': '"other"' })).status).toBe(200);
      }
    }
  });
});

describe('a NUL character in a text', () => {
  test('is no fault of ours, in whatever place it comes', async () => {
    const nul = 'a\u0000b';
    const [staff, guest] = [await shop.staff(), shop.browser()];
    await guest.fill(shop.variants[0]!.id);
    const address = { name: 'Ada', line1: '1 Street', city: 'Berlin', postalCode: '10115', country: 'DE' };
    const order = { email: 'ada@example.com', shippingAddress: address, payment: { provider: 'demo' } };
    const answers = [
      await guest.post('/api/promotions/preview', { code: nul }),
      await guest.post('/api/orders', { ...order, promotionCode: nul }, { 'Idempotency-Key': 'nul-1' }),
      await guest.post('/api/orders', { ...order, shippingMethod: nul }, { 'Idempotency-Key': 'nul-2' }),
      await guest.post('/api/sessions', { email: nul, password: nul }),
      await staff.post('/api/staff/promotions', { code: 'NUL', kind: 'percent', value: 5, products: [nul] }),
      await staff.post('/api/staff/stock', { changes: [{ sku: nul, set: 1 }] }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([422, 422, 422, 401, 422, 200]);
    for (const path of [
      '/api/staff/orders?q=%00',
      '/api/staff/customers?q=%00',
      '/staff/orders?q=%00',
      '/staff/customers?q=%00',
      '/staff/to-ship?scan=%00',
      '/staff?q=%00',
      '/search?q=%00',
      '/api/products?q=%00',
    ])
      expect([path, (await staff.request(path)).status]).toEqual([path, 200]);
  });

  test('that no schema kept out is told to the client that sent it', async () => {
    const [state, jsonState] = await Promise.all(
      [sql`select ${'a\u0000b'}::text`, sql`select ${JSON.stringify('a\u0000b')}::jsonb`].map((statement) =>
        statement.execute(shop.deps.db).catch((error: unknown) => toRefusal(error).status),
      ),
    );
    expect([state, jsonState]).toEqual([400, 400]);
  });
});

describe('an answer of 201', () => {
  test('says where what was made is, and it is there', async () => {
    const person = shop.browser();
    const email = 'located@example.com';
    const answers = [await person.signUp(email), await person.post('/api/sessions', { email, password })];
    await person.fill(shop.variants[0]!.id);
    answers.push(await person.order());
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    const places = answers.map(({ headers }) => headers.get('Location')!);
    expect(places).toEqual(['/api/account', '/api/sessions/current', `/api/orders/${answers[2]!.body.id}`]);
    for (const place of places) expect((await person.get(place)).status).toBe(200);
  });

  test('names what was made also where it is one of a list', async () => {
    const [owner, person] = [await shop.staff(), shop.browser()];
    await person.signUp('lister@example.com');
    const order = await person.buy(shop.variants[0]!.id);
    const product = (await person.get(`/api/products/${shop.slug}`)).body.id;
    const amount = { amount: 100, currency: 'EUR' };
    const postalAddress = {
      name: 'Ada',
      line1: '1 Street',
      city: 'Berlin',
      postalCode: '10115',
      country: 'DE',
    };
    const made: [Browser, string, Json, (body: Json) => string][] = [
      [person, '/api/account/addresses', postalAddress, ({ id }) => `/api/account/addresses/${id}`],
      [
        owner,
        '/api/staff/promotions',
        { code: 'LOCATED', kind: 'percent', value: 5 },
        ({ id }) => `/api/staff/promotions/${id}`,
      ],
      [
        owner,
        '/api/staff/api-keys',
        { name: 'ERP', scopes: ['orders:read'] },
        ({ id }) => `/api/staff/api-keys/${id}`,
      ],
      [
        owner,
        '/api/staff/webhooks',
        { url: 'https://erp.example/hooks' },
        ({ id }) => `/api/staff/webhooks/${id}`,
      ],
      [
        owner,
        '/api/staff/members',
        { email: 'lister@example.com', role: 'viewer' },
        ({ id }) => `/api/staff/members/${id}`,
      ],
      [
        owner,
        `/api/staff/products/${product}/sales`,
        { price: amount, startsAt: '2098-01-01T00:00:00Z', endsAt: '2098-02-01T00:00:00Z' },
        ({ sale }) => `/api/staff/products/${product}/sales/${sale.id}`,
      ],
      [
        owner,
        `/api/staff/orders/${order.id}/shipments`,
        { carrier: 'DHL' },
        ({ id }) => `/api/staff/orders/${id}`,
      ],
      [
        owner,
        `/api/staff/orders/${order.id}/refunds`,
        { amount, reason: 'A seam' },
        ({ id }) => `/api/staff/orders/${id}`,
      ],
    ];
    for (const [browser, path, body, placeOf] of made) {
      const answer = await browser.post(path, body);
      expect([path, answer.status]).toEqual([path, 201]);
      const place = answer.headers.get('Location')!;
      expect(place).toBe(placeOf(answer.body));
      const there = await browser.get(place);
      expect([place, there.status, there.body.id]).toEqual([
        place,
        200,
        (answer.body.sale ?? answer.body).id,
      ]);
      expect(there.body.key ?? there.body.secret).toBeUndefined();
    }
  });
});

describe('Prefer: wait', () => {
  let staff: Browser;
  let path: string;
  let amount = 2_000;
  beforeAll(async () => {
    staff = await shop.staff();
    path = `/api/staff/products/${(await staff.get(`/api/products/${shop.slug}`)).body.id}`;
  });

  test.each([
    ['wait=5', 'wait=5'],
    ['wait=2', 'wait=2'],
    ['wait=0', 'wait=0'],
    ['wait=600', 'wait=5'],
    ['wait=99999999999999999999', 'wait=5'],
    ['respond-async, wait="7"', 'wait=5'],
    ['WAIT = 3', 'wait=3'],
    ['wait=4; why=not, wait=1', 'wait=4'],
    ['wait=soon', null],
    ['wait=-1', null],
    ['wait=1.5', null],
    ['wait', null],
    ['return=minimal; wait=5', null],
    ['await=5', null],
  ])('%s is told as applied: %s', async (prefer, applied) => {
    const change = { price: { amount: ++amount, currency: 'EUR' } };
    const answer = await staff.patch(path, change, { Prefer: prefer });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('Preference-Applied')).toBe(applied);
    if (applied !== null && applied !== 'wait=0') expect(answer.body.invalidation.state).toBe('done');
  });

  test('is not mentioned where nobody asked', async () => {
    const answer = await staff.patch(path, { name: 'Plain Tee' });
    expect(answer.headers.get('Preference-Applied')).toBeNull();
  });
});

describe('If-Match of staff', () => {
  let staff: Browser;
  let product: { id: string; variants: { id: string; available: number }[] };
  let patch: (ifMatch: string, key?: string) => ReturnType<Browser['patch']>;
  let stock: (ifMatch: string, pieces: number) => ReturnType<Browser['put']>;
  let amount = 30_000;
  beforeAll(async () => {
    staff = await shop.staff();
    product = (await staff.get('/api/products/wool-coat')).body;
    patch = (ifMatch, key = crypto.randomUUID()) =>
      staff.patch(
        `/api/staff/products/${product.id}`,
        { price: { amount: ++amount, currency: 'EUR' } },
        { 'If-Match': ifMatch, 'Idempotency-Key': key, Prefer: 'wait=5' },
      );
    stock = (ifMatch, pieces) =>
      staff.put(
        `/api/staff/variants/${product.variants[0]!.id}/stock`,
        { stock: pieces },
        { 'If-Match': ifMatch, Prefer: 'wait=5' },
      );
  });
  const etag = async (encoding = 'identity') => {
    const { headers } = await staff.request('/api/products/wool-coat', {
      headers: { 'Accept-Encoding': encoding },
    });
    return headers.get('ETag')!;
  };
  const priceNow = async () => (await staff.get('/api/products/wool-coat')).body.price.amount;

  test.each(['identity', 'gzip', 'br'])(
    'takes the tag of the product as it is read in %s, once',
    async (encoding) => {
      const seen = await etag(encoding);
      expect((await patch(seen)).status).toBe(200);
      const before = await priceNow();
      const late = await patch(seen);
      expect([late.status, late.body.code]).toEqual([412, 'precondition-failed']);
      expect(await priceNow()).toBe(before);
      expect((await patch(`"other", ${await etag(encoding)}`)).status).toBe(200);
    },
  );

  test('takes the tag of the last answer, so that changes follow one another', async () => {
    const first = await patch('*');
    const second = await patch(first.headers.get('ETag')!);
    expect(second.status).toBe(200);
    const third = await stock(second.headers.get('ETag')!, 11);
    expect([third.status, third.headers.get('ETag')]).toEqual([200, await etag()]);
    expect((await stock(second.headers.get('ETag')!, 12)).status).toBe(412);
    expect((await patch(second.headers.get('ETag')!)).status).toBe(412);
    expect(third.body.product.variants[0].available).toBe(11);
  });

  test.each([
    ['a weak tag of what is there', async () => `W/${await etag()}`],
    ['another tag', async () => '"another"'],
    ['no tag at all', async () => 'unquoted'],
    ['an empty list', async () => ''],
  ])('does not take %s', async (_, header) => {
    const before = await priceNow();
    expect((await patch(await header())).body.code).toBe('precondition-failed');
    expect((await stock(await header(), 13)).body.code).toBe('precondition-failed');
    expect(await priceNow()).toBe(before);
  });

  test('answers a request that is sent again as it did before, though its tag is old by then', async () => {
    const [seen, key] = [await etag(), crypto.randomUUID()];
    const first = await patch(seen, key);
    amount -= 1;
    const again = await patch(seen, key);
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body.invalidation.id).toBe(first.body.invalidation.id);
  });

  test('lets one of two who saw the same product change it', async () => {
    const seen = await etag();
    const answers = await Promise.all([patch(seen), patch(seen), stock(seen, 17)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
  });

  test('is checked after all other faults', async () => {
    const headers = { 'If-Match': '"another"' };
    expect((await staff.patch('/api/staff/products/999999', {}, headers)).status).toBe(404);
    expect((await staff.put('/api/staff/variants/x/stock', { stock: 1 }, headers)).status).toBe(404);
    expect((await staff.patch(`/api/staff/products/${product.id}`, { price: 1 }, headers)).status).toBe(422);
    expect((await shop.browser().patch(`/api/staff/products/${product.id}`, {}, headers)).status).toBe(401);
  });
});

describe('a fault', () => {
  const faultsOf = async (method: string, path: string, body?: unknown) => {
    const answer = await (method === 'GET'
      ? shop.browser().get(path)
      : shop.browser().post(path, body, {
          'Idempotency-Key': crypto.randomUUID(),
        }));
    return {
      status: answer.status,
      code: answer.body.code,
      faults: answer.body.faults,
      detail: answer.body.detail,
    };
  };

  test('in a body is pointed at, and told in our words', async () => {
    const order = orderBody();
    const { status, code, faults, detail } = await faultsOf('POST', '/api/orders', {
      ...order,
      email: 'nobody',
      shippingAddress: { ...order.shippingAddress, name: ' ', city: 7, 'a/b~c': 1 },
      payment: { provider: 'gold' },
      expectedTotal: { amount: -1.5, currency: 'USD' },
      gift: true,
    });
    expect([status, code]).toEqual([422, 'invalid-body']);
    const told = Object.fromEntries(
      faults.map((fault: { pointer: string; message: string }) => [fault.pointer, fault.message]),
    );
    expect(told).toMatchObject({
      '#/email': 'must be an e-mail address, such as name@example.com',
      '#/shippingAddress/name': 'must not be empty',
      '#/shippingAddress/city': 'must be text',
      '#/shippingAddress/a~1b~0c': 'is not known here',
      '#/payment/provider': 'must be one of demo, on-delivery, stripe',
      '#/expectedTotal/amount': expect.stringMatching(/^must be (a whole number|at least 0)$/),
      '#/expectedTotal/currency': 'must be EUR',
      '#/gift': 'is not known here',
    });
    expect(detail).toContain('shippingAddress.city: must be text');
  });

  test.each([
    [{}, { '#/variantId': 'is missing', '#/quantity': 'is missing' }],
    [
      { variantId: 1, quantity: '1' },
      { '#/variantId': 'must be text', '#/quantity': 'must be a number' },
    ],
    [{ variantId: '1', quantity: 0 }, { '#/quantity': 'must be at least 1' }],
    [{ variantId: '1', quantity: 100 }, { '#/quantity': 'must be at most 99' }],
    [{ variantId: '1', quantity: 1.5 }, { '#/quantity': 'must be a whole number' }],
    [{ variantId: '1', quantity: null }, { '#/quantity': 'must be a number' }],
    [[], { '#': 'must be an object' }],
    ['text', { '#': 'must be an object' }],
    [null, { '#': 'must be an object' }],
  ])('of %j is told by its place', async (body, expected) => {
    const { status, faults } = await faultsOf('POST', '/api/cart/lines', body);
    expect(status).toBe(422);
    const told = faults.map((fault: { pointer: string; message: string }) => [fault.pointer, fault.message]);
    expect(Object.fromEntries(told)).toEqual(expected);
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1e1', 'limit'],
    ['limit=5&limit=6', 'limit'],
    ['min=-1', 'min'],
    ['max=1.5', 'max'],
    ['sort=cheapest', 'sort'],
    [`cursor=${'x'.repeat(201)}`, 'cursor'],
  ])('in a query (%s) names the parameter', async (query, parameter) => {
    const { status, code, faults } = await faultsOf('GET', `/api/products?${query}`);
    expect([status, code, faults[0].parameter]).toEqual([400, 'bad-request', parameter]);
  });

  test('in a header names the header', async () => {
    const answer = await shop.browser().add('1', 1, 'a key with spaces');
    expect([answer.status, answer.body.faults[0].parameter]).toEqual([400, 'idempotency-key']);
  });

  test('is told at most twenty times, however many there are', async () => {
    const body = Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`member${index}`, 1]));
    expect((await faultsOf('POST', '/api/cart/lines', body)).faults).toHaveLength(20);
  });

  test('of the text itself is 400: no JSON, no UTF-8, or cut off', async () => {
    const bodies: (string | Uint8Array<ArrayBuffer>)[] = [
      '{"variantId":',
      '{} {}',
      "{'a': 1}",
      '',
      new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
      '['.repeat(60_000),
    ];
    for (const body of bodies) {
      const answer = await send('/api/cart/lines', { body, headers: { 'Content-Type': 'application/json' } });
      expect((await problemOf(answer)).code).toBe('bad-request');
    }
  });

  test('is not reported where JSON writes a number in another way, or its type has a charset', async () => {
    const [variant] = shop.variants;
    for (const [text, type] of [
      [`{"variantId":"${variant!.id}","quantity":1e0}`, 'application/json'],
      [`{"variantId":"${variant!.id}","quantity":2.0}`, 'Application/JSON; charset=UTF-8'],
      [`\ufeff{"variantId":"${variant!.id}","quantity":1}`, 'application/json;charset="utf-8"'],
    ] as const) {
      const answer = await send('/api/cart/lines', { body: text, headers: { 'Content-Type': type } });
      expect([text, answer.status]).toEqual([text, 200]);
    }
    const put = await shop.browser().request(`/api/cart/lines/${variant!.id}`, {
      method: 'PUT',
      body: '{"quantity":-0}',
      headers: { 'Content-Type': 'application/json' },
    });
    expect(put.status).toBe(200);
    const latin = { 'Content-Type': 'application/json; charset=iso-8859-1' };
    expect((await send('/api/cart/lines', { body: '{}', headers: latin })).status).toBe(415);
  });
});

describe('a session that was ended from elsewhere', () => {
  /** @returns a browser with the cookie of a session that another device has ended */
  async function signedOutElsewhere(): Promise<{ browser: Browser; email: string }> {
    const email = `ended-${++people}@example.com`;
    const browser = shop.browser();
    await browser.signUp(email);
    await browser.fill(shop.variants[0]!.id, 3);
    const elsewhere = shop.browser();
    await elsewhere.post('/api/sessions', { email, password });
    const { items } = (await elsewhere.get('/api/sessions')).body;
    const other = items.find((session: { current: boolean }) => !session.current);
    expect((await elsewhere.delete(`/api/sessions/${other.id}`)).status).toBe(204);
    return { browser, email };
  }

  test.each([
    ['GET', '/api/cart', undefined],
    ['POST', '/api/cart/lines', { variantId: '1', quantity: 1 }],
    ['PUT', '/api/cart/lines/1', { quantity: 1 }],
    ['DELETE', '/api/cart/lines/1', undefined],
    ['GET', '/api/orders', undefined],
    ['GET', '/api/orders/1', undefined],
    ['GET', '/api/account', undefined],
    ['PATCH', '/api/account', { name: 'Somebody' }],
    ['DELETE', '/api/account', undefined],
    ['PUT', '/api/account/password', { currentPassword: password, newPassword: 'another-password' }],
    ['GET', '/api/account/export', undefined],
    ['GET', '/api/sessions', undefined],
    ['GET', '/api/sessions/current', undefined],
    ['DELETE', '/api/sessions/1', undefined],
    ['GET', '/api/staff/invalidations/1', undefined],
    ['POST', '/api/orders', orderBody()],
  ])('is told by %s %s, once, and the next request is a guest’s', async (method, path, body) => {
    const { browser } = await signedOutElsewhere();
    const answer = await browser.request(path, {
      method,
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect((await problemOf(answer)).code).toBe('session-ended');
    expect(answer.status).toBe(401);
    expect(answer.headers.get('WWW-Authenticate')).not.toBeNull();
    expect(browser.cookies.has('__Host-session')).toBe(false);
    const next = await browser.get('/api/cart');
    expect([next.status, next.body.count]).toEqual([200, 0]);
  });

  test('keeps nobody from signing in, signing up, signing out or asking for a password', async () => {
    const [one, two, three, four] = await Promise.all([1, 2, 3, 4].map(signedOutElsewhere));
    const again = await one!.browser.post('/api/sessions', { email: one!.email, password });
    expect([again.status, (await one!.browser.get('/api/cart')).body.count]).toEqual([201, 3]);
    expect((await two!.browser.signUp(`new-${two!.email}`)).status).toBe(201);
    expect((await three!.browser.delete('/api/sessions/current')).status).toBe(204);
    expect(three!.browser.cookies.has('__Host-session')).toBe(false);
    expect((await four!.browser.post('/api/password-resets', { email: four!.email })).status).toBe(202);
  });

  test('blocks no page: shared ones answer, personal ones redirect to the sign-in', async () => {
    const { browser } = await signedOutElsewhere();
    for (const path of ['/', `/p/${shop.slug}`, '/search?q=tee', '/cart', '/sign-in', '/api/products'])
      expect([path, (await browser.request(path)).status]).toEqual([path, 200]);
    const account = await browser.request('/account');
    expect([account.status, account.headers.get('Location')]).toEqual([303, '/sign-in']);
  });

  test('differs from a changed cookie, which counts as no cookie', async () => {
    const browser = shop.browser();
    await browser.signUp(`changed-${++people}@example.com`);
    for (const spoil of [
      (value: string) => `${value}x`,
      (value: string) => value.slice(1),
      () => 'nonsense',
    ]) {
      const Cookie = `__Host-session=${spoil(browser.cookies.get('__Host-session')!)}`;
      const cart = await shop.browser().get('/api/cart', { Cookie });
      expect([cart.status, cart.body.count]).toEqual([200, 0]);
      expect((await shop.browser().get('/api/account', { Cookie })).body.code).toBe('sign-in-needed');
    }
  });

  test('is reported also where it has expired', async () => {
    const browser = shop.browser();
    const { body } = await browser.signUp(`idle-${++people}@example.com`);
    await shop.deps.db
      .updateTable('sessions')
      .set({ last_seen_at: new Date(Date.now() - 31 * 86_400_000) })
      .where('account_id', '=', body.id)
      .execute();
    await vi.waitFor(async () => expect((await browser.get('/api/cart')).body.code).toBe('session-ended'), {
      timeout: 10_000,
      interval: 200,
    });
  });
});

function orderBody() {
  const shippingAddress = { name: 'A', line1: 'B', city: 'C', postalCode: 'D01 F5P2', country: 'IE' };
  return { email: 'a@example.com', shippingAddress, payment: { provider: 'demo' } };
}
