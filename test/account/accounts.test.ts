import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let people = 0;
const someone = () => `person-${++people}@example.com`;
const password = 'a-password-of-tests';

beforeAll(async () => {
  shop = await openShop({ worker: true });
});
afterAll(() => shop[Symbol.asyncDispose]());

describe('a session', () => {
  test('ends for the next request on every origin', async () => {
    const email = someone();
    const phone = shop.browser();
    const laptop = shop.browser();
    await phone.signUp(email);
    await laptop.post('/api/sessions', { email, password });
    const { body } = await laptop.get('/api/sessions');
    const other = body.items.find((session: { current: boolean }) => !session.current);
    expect((await laptop.delete(`/api/sessions/${other.id}`)).status).toBe(204);
    expect((await phone.get('/api/account')).status).toBe(401);
    expect((await laptop.get('/api/account')).status).toBe(200);
  });

  test('is stored in the database only as a hash', async () => {
    const browser = shop.browser();
    await browser.signUp(someone());
    const token = browser.cookies.get('__Host-session')!.split('.')[0]!;
    const rows = await shop.deps.db.selectFrom('sessions').select('token_hash').execute();
    expect(rows.map((row) => row.token_hash)).not.toContain(token);
    expect(Buffer.from(token, 'base64url').length).toBe(32);
  });

  test('is refused with one letter changed', async () => {
    const browser = shop.browser();
    await browser.signUp(someone());
    const value = browser.cookies.get('__Host-session')!;
    browser.cookies.set('__Host-session', value.slice(0, -1) + (value.endsWith('A') ? 'B' : 'A'));
    expect((await browser.get('/api/account')).status).toBe(401);
  });

  test('is the same one when a sign-in is repeated with its key', async () => {
    const email = someone();
    await shop.browser().signUp(email);
    const guest = shop.browser();
    await guest.add(shop.variants[0]!.id);
    const cookies = new Map(guest.cookies);
    const first = await guest.post(
      '/api/sessions',
      { email, password },
      { 'Idempotency-Key': 'again-and-again' },
    );
    const session = guest.cookies.get('__Host-session');
    guest.cookies.clear();
    for (const [name, value] of cookies) guest.cookies.set(name, value);
    const second = await guest.post(
      '/api/sessions',
      { email, password },
      { 'Idempotency-Key': 'again-and-again' },
    );
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(guest.cookies.get('__Host-session')).toBe(session);
    expect((await guest.get('/api/cart')).body.count).toBe(1);
  });

  test('is a new one at each sign-in, and the former one has ended', async () => {
    const email = someone();
    const browser = shop.browser();
    await browser.signUp(email);
    const former = browser.cookies.get('__Host-session')!;
    await browser.post('/api/sessions', { email, password });
    expect(browser.cookies.get('__Host-session')).not.toBe(former);
    browser.cookies.set('__Host-session', former);
    expect((await browser.get('/api/account')).status).toBe(401);
  });
});

describe('a guest’s cart', () => {
  test('comes along at sign-up, is found elsewhere after sign-in, and stays when one signs out', async () => {
    const email = someone();
    const phone = shop.browser();
    await phone.add(shop.variants[0]!.id, 2);
    await phone.signUp(email);
    const laptop = shop.browser();
    await laptop.add(shop.variants[0]!.id, 3);
    await laptop.post('/api/sessions', { email, password });
    expect((await laptop.get('/api/cart')).body.count).toBe(5);
    expect((await phone.get('/api/cart')).body.count).toBe(5);
    await phone.delete('/api/sessions/current');
    expect((await phone.get('/api/cart')).body.count).toBe(0);
    expect((await laptop.get('/api/cart')).body.count).toBe(5);
  });
});

describe('a password', () => {
  test('that is changed ends the other sessions and is needed from then on', async () => {
    const email = someone();
    const one = shop.browser();
    const two = shop.browser();
    await one.signUp(email);
    await two.post('/api/sessions', { email, password });
    const change = { currentPassword: password, newPassword: 'another-password' };
    expect((await one.put('/api/account/password', change)).status).toBe(204);
    expect((await two.get('/api/account')).status).toBe(401);
    expect((await one.get('/api/account')).status).toBe(200);
    expect((await shop.browser().post('/api/sessions', { email, password })).status).toBe(401);
    const right = { email, password: 'another-password' };
    expect((await shop.browser().post('/api/sessions', right)).status).toBe(201);
  });

  test('is reset by a mailed link, once, and all sessions end', async () => {
    const email = someone();
    const browser = shop.browser();
    await browser.signUp(email);
    expect((await shop.browser().post('/api/password-resets', { email })).status).toBe(202);
    const token = await vi.waitFor(() => mailedToken(email), { timeout: 10_000, interval: 50 });
    const put = () => shop.browser().put(`/api/password-resets/${token}`, { password: 'a-fresh-password' });
    expect((await put()).status).toBe(204);
    expect((await put()).status).toBe(404);
    expect((await browser.get('/api/account')).status).toBe(401);
    expect((await browser.post('/api/sessions', { email, password: 'a-fresh-password' })).status).toBe(201);
  });

  test('reset is answered the same for an e-mail that nobody has', async () => {
    const email = someone();
    await shop.browser().signUp(email);
    const known = await shop.browser().post('/api/password-resets', { email });
    const unknown = await shop.browser().post('/api/password-resets', { email: 'nobody@example.com' });
    expect(known.status).toBe(202);
    expect([unknown.status, unknown.body]).toEqual([known.status, known.body]);
  });
});

describe('an account', () => {
  test('has an e-mail of its own, whatever the case of its letters', async () => {
    const email = someone();
    await shop.browser().signUp(email);
    const again = await shop.browser().signUp(email.toUpperCase());
    expect([again.status, again.body.code]).toEqual([409, 'email-taken']);
  });

  test('is refused alike for a wrong password and for an unknown e-mail', async () => {
    const email = someone();
    await shop.browser().signUp(email);
    const wrong = await shop.browser().post('/api/sessions', { email, password: 'not-this-one' });
    const unknown = await shop.browser().post('/api/sessions', { email: 'nobody@example.com', password });
    expect(wrong.status).toBe(401);
    expect(unknown.body).toEqual(wrong.body);
  });

  test('is exported whole, and deleted while its orders stay without the person', async () => {
    const email = someone();
    const browser = shop.browser();
    await browser.signUp(email);
    await browser.add(shop.variants[0]!.id);
    const order = await browser.order({ email });
    await browser.add(shop.variants[1]!.id, 2);
    const { body } = await browser.get('/api/account/export');
    expect(body).toMatchObject({
      account: { email },
      cart: [{ quantity: 2 }],
      orders: [{ id: order.body.id }],
    });
    expect((await browser.delete('/api/account')).status).toBe(204);
    expect((await browser.get('/api/account')).status).toBe(401);
    const row = await shop.deps.db
      .selectFrom('orders')
      .select(['account_id', 'email', 'shipping_address', 'total_amount'])
      .where('id', '=', order.body.id)
      .executeTakeFirstOrThrow();
    expect(row).toEqual({ account_id: null, email: null, shipping_address: null, total_amount: 1_999 });
    expect((await shop.browser().post('/api/sessions', { email, password })).status).toBe(401);
  });
});

describe('attempts', () => {
  test('of eleven wrong passwords, the eleventh must wait, and so must the right one', async () => {
    const email = someone();
    await shop.browser().signUp(email);
    for (let attempt = 0; attempt < 10; attempt++) {
      expect((await shop.browser().post('/api/sessions', { email, password: 'wrong' })).status).toBe(401);
    }
    const refused = await shop.browser().post('/api/sessions', { email, password });
    expect([refused.status, refused.body.code]).toEqual([429, 'too-many-attempts']);
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
  });
});

describe('a burst', () => {
  test('of sixty wrong passwords at once is let through ten times', async () => {
    const email = someone();
    await shop.browser().signUp(email);
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => shop.browser().post('/api/sessions', { email, password: 'wrong' })),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(50);
  });

  test('of right sign-ins one after the other is not held against the account', async () => {
    const email = someone();
    await shop.browser().signUp(email);
    for (let signIn = 0; signIn < 12; signIn++) {
      expect((await shop.browser().post('/api/sessions', { email, password })).status).toBe(201);
    }
  });
});

async function mailedToken(email: string): Promise<string> {
  const folder = join(shop.dataDir, 'mail');
  for (const file of await readdir(folder)) {
    const text = await readFile(join(folder, file), 'utf8');
    // A person copies it from a line of its own, without any encoding.
    const token = /^http:\/\/localhost:3000\/reset-password#token=([\w-]+)$/m.exec(text)?.[1];
    if (text.includes(email) && token !== undefined) return token;
  }
  throw new Error('The mail has not come yet');
}
