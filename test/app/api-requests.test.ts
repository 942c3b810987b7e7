// What the JSON API says to programs by status, headers and problem documents, whatever they send.
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

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

  test('is not spoken of where nobody asked', async () => {
    const answer = await staff.patch(path, { name: 'Plain Tee' });
    expect(answer.headers.get('Preference-Applied')).toBeNull();
  });
});

describe('a session that was ended from elsewhere', () => {
  /** @returns a browser that was signed in until another device ended that, and still bears the cookie of it */
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

  test('does not keep pages from anybody: shared ones answer, personal ones send to the sign-in', async () => {
    const { browser } = await signedOutElsewhere();
    for (const path of ['/', `/p/${shop.slug}`, '/search?q=tee', '/cart', '/sign-in', '/api/products'])
      expect([path, (await browser.request(path)).status]).toEqual([path, 200]);
    const account = await browser.request('/account');
    expect([account.status, account.headers.get('Location')]).toEqual([303, '/sign-in']);
  });

  test('is another thing than a cookie that was changed, which is no cookie', async () => {
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

  test('is told also where its time has passed', async () => {
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
