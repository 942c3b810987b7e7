// Sessions: a new password gives a new token, staff are signed out sooner, and each session tells of the sign-in
// before it.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

const password = 'a-password-of-tests';
const cookie = '__Host-session';
let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off' } });
});
afterAll(() => shop[Symbol.asyncDispose]());

describe('a new password', () => {
  const change = { currentPassword: password, newPassword: 'another-password' };

  test('gives this session a new token and ends the former one, which whoever stole it cannot use', async () => {
    const [owner, thief, other] = [shop.browser(), shop.browser(), shop.browser()];
    await owner.signUp('stolen@example.com');
    await other.post('/api/sessions', { email: 'stolen@example.com', password });
    thief.cookies.set(cookie, owner.cookies.get(cookie)!);
    expect((await thief.get('/api/account')).status).toBe(200);
    const { body: before } = await owner.get('/api/sessions/current');
    expect((await owner.put('/api/account/password', change)).status).toBe(204);
    expect((await thief.get('/api/account')).status).toBe(401);
    expect((await other.get('/api/account')).status).toBe(401);
    expect((await owner.get('/api/sessions/current')).body.id).toBe(before.id);
    expect((await owner.get('/api/sessions')).body.items).toHaveLength(1);
  });

  test('that is sent again because its answer was lost gives the same new token', async () => {
    const owner = shop.browser();
    await owner.signUp('lost@example.com');
    const former = owner.cookies.get(cookie)!;
    const headers = { 'Idempotency-Key': randomUUID() };
    await owner.put('/api/account/password', change, headers);
    const renewed = owner.cookies.get(cookie)!;
    const retry = shop.browser();
    retry.cookies.set(cookie, former);
    expect((await retry.put('/api/account/password', change, headers)).status).toBe(204);
    expect(retry.cookies.get(cookie)).toBe(renewed);
    expect((await owner.put('/api/account/password', change, headers)).status).toBe(204);
    expect(owner.cookies.get(cookie)).toBe(renewed);
    // Without the new password, the old token is that of an ended session.
    retry.cookies.set(cookie, former);
    const guess = { ...change, newPassword: 'not-that-password' };
    expect((await retry.put('/api/account/password', guess, headers)).body.code).toBe('session-ended');
  });

  test('on the page signs nobody out who asked for it', async () => {
    const owner = shop.browser();
    await owner.signUp('page@example.com');
    const answer = await owner.request('/account', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: 'http://localhost' },
      body: new URLSearchParams({ do: 'change-password', ...change }),
    });
    expect(answer.headers.get('Location')).toBe('/account?done=password');
    expect((await owner.request('/account')).status).toBe(200);
  });
});

describe('a session of staff', () => {
  const age = async (browser: Browser, seen: string, created: string) => {
    const { body } = await browser.get('/api/sessions/current');
    await sql`update sessions set last_seen_at = now() - ${seen}::interval, created_at = now() - ${created}::interval
      where id = ${body.id}`.execute(shop.deps.db);
    // The session is read from Postgres, because no cached one is left.
    await shop.deps.redis.flushall();
    return (await browser.get('/api/account')).status;
  };

  test('ends after 30 minutes without a request and after 12 hours; a shopper’s does not', async () => {
    const [staff, shopper] = [await shop.staff(), shop.browser()];
    await shopper.signUp('patient@example.com');
    expect(await age(staff, '29 minutes', '11 hours 59 minutes')).toBe(200);
    // The request was recorded as use of the session.
    expect(await age(staff, '0 minutes', '11 hours 59 minutes')).toBe(200);
    expect(await age(staff, '31 minutes', '1 hour')).toBe(401);
    expect(await age(await shop.staff(), '0 minutes', '12 hours 1 minute')).toBe(401);
    expect(await age(shopper, '31 minutes', '13 hours')).toBe(200);
  });
});

test('A session tells when and where the sign-in before it was', async () => {
  const browser = shop.browser();
  const device = { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0' };
  await browser.post('/api/accounts', { email: 'seen@example.com', password, name: 'Seen' }, device);
  expect((await browser.get('/api/sessions/current')).body).not.toHaveProperty('previousSignIn');
  await browser.post('/api/sessions', { email: 'seen@example.com', password });
  const { previousSignIn } = (await browser.get('/api/sessions/current')).body;
  expect(previousSignIn).toMatchObject({ device: device['User-Agent'] });
  expect(Math.abs(Date.now() - Date.parse(previousSignIn.at))).toBeLessThan(60_000);
  expect(await (await browser.request('/account')).text()).toContain('Last sign-in before this one');
});
