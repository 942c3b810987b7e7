// Guessing of passwords: strangers cannot lock the owner out, every use of a password is limited, and easily guessed
// passwords cannot be chosen.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareResetMail } from '../../origin/account/reset-password.ts';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

const password = 'a-password-of-tests';
let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop[Symbol.asyncDispose]());

const signIn = (browser: Browser, email: string, given: string) =>
  browser.post('/api/sessions', { email, password: given });

async function guess(browser: Browser, email: string, times: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let n = 0; n < times; n++) statuses.push((await signIn(browser, email, `guess-${n}`)).status);
  return statuses;
}

const ten = Array(10).fill(401);

async function mailedToken(email: string): Promise<string> {
  const mail = await prepareResetMail(shop.deps, email, randomUUID());
  return /token=([\w-]+)/.exec(JSON.stringify(mail))![1]!;
}

describe('wrong guesses of a stranger', () => {
  test('lock the stranger out and not the owner on a known device, which has ten guesses of its own', async () => {
    const email = 'known@example.com';
    const [owner, stranger] = [shop.browser(), shop.browser()];
    await owner.signUp(email);
    await owner.delete('/api/sessions/current');
    expect(await guess(stranger, email, 12)).toEqual([...ten, 429, 429]);
    expect((await signIn(stranger, email, password)).status).toBe(429);
    expect((await signIn(owner, ` ${email.toUpperCase()}`, password)).status).toBe(201);
    await owner.delete('/api/sessions/current');
    expect(await guess(owner, email, 11)).toEqual([...ten, 429]);
  });

  test('are limited also with the device cookie of another account, or with a changed one', async () => {
    const email = 'victim@example.com';
    await shop.browser().signUp(email);
    const other = shop.browser();
    await other.signUp('attacker@example.com');
    await other.delete('/api/sessions/current');
    expect(await guess(other, email, 11)).toEqual([...ten, 429]);
    const forged = shop.browser();
    forged.cookies.set('__Host-device', other.cookies.get('__Host-device')!.replace(/.$/, '!'));
    expect((await signIn(forged, email, password)).status).toBe(429);
  });

  test('are forgiven by a reset, also where the owner’s own device had used up its guesses', async () => {
    const email = 'reset@example.com';
    const [owner, stranger] = [shop.browser(), shop.browser()];
    await owner.signUp(email);
    await owner.delete('/api/sessions/current');
    await guess(owner, email, 11);
    await guess(stranger, email, 11);
    const token = await mailedToken(email);
    expect((await owner.put(`/api/password-resets/${token}`, { password: 'a-fresh-password' })).status).toBe(
      204,
    );
    await guess(stranger, email, 11);
    expect((await signIn(owner, email, 'a-fresh-password')).status).toBe(201);
    const elsewhere = shop.browser();
    const second = await mailedToken(email);
    await elsewhere.put(`/api/password-resets/${second}`, { password: 'a-newer-password' });
    expect((await signIn(shop.browser(), email, 'a-newer-password')).status).toBe(201);
  });
});

test('A signed-in shopper has ten guesses of the present password, then even the right one is not tried', async () => {
  const browser = shop.browser();
  await browser.signUp('thief@example.com');
  const change = (currentPassword: string) =>
    browser.put('/api/account/password', { currentPassword, newPassword: 'another-password' });
  for (let n = 0; n < 10; n++) expect((await change(`guess-${n}`)).status).toBe(403);
  const refused = await change(password);
  expect([refused.status, refused.body.code]).toEqual([429, 'too-many-attempts']);
  expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(800);
});

test('An account gets at most five reset mails in half an hour, and a repeated job sends its mail again', async () => {
  const email = 'mailbox@example.com';
  await shop.browser().signUp(email);
  const jobs = Array.from({ length: 8 }, () => randomUUID());
  const mails = [];
  for (const job of jobs) mails.push(await prepareResetMail(shop.deps, email, job));
  expect(mails.map((mail) => mail !== undefined)).toEqual([...Array(5).fill(true), false, false, false]);
  expect(await prepareResetMail(shop.deps, email, jobs[0]!)).toEqual(mails[0]);
});

describe('a new password', () => {
  const refused = { code: 'invalid-body', faults: [{ pointer: '#/password', field: 'password' }] };
  const signUp = (given: string, email = `${randomUUID()}@example.com`, name = 'Ada Byron') =>
    shop.browser().post('/api/accounts', { email, password: given, name });

  test.each([
    'password1',
    'PassWord123',
    '12345678',
    'qwertyuiop',
    'MyClothes',
    'myclothes.com',
    'My-Clothes2026',
    'ada byron',
    'Ada.Byron',
  ])('cannot be %s', async (given) => {
    const answer = await signUp(given);
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject(refused);
  });

  test('cannot be the shopper’s e-mail, nor its part before the @', async () => {
    for (const given of ['ada.lovelace@example.com', 'ADA.LOVELACE', 'ada-lovelace'])
      expect((await signUp(given, 'ada.lovelace@example.com')).body).toMatchObject(refused);
  });

  test.each([
    'correct horse battery staple',
    'a sentence with ä and 🧵',
    'p'.repeat(200),
    'myclothes are mine',
    '        ',
  ])('can be %s, and all of it counts', async (given) => {
    const email = `${randomUUID()}@example.com`;
    expect((await signUp(given, email)).status).toBe(201);
    expect((await signIn(shop.browser(), email, given.slice(0, -1))).status).toBe(401);
    expect((await signIn(shop.browser(), email, given)).status).toBe(201);
  });

  test('is refused by the same rule where it is changed and where it is reset', async () => {
    const email = 'twice@example.com';
    const browser = shop.browser();
    await browser.signUp(email);
    const change = { currentPassword: password, newPassword: 'password123' };
    const changed = await browser.put('/api/account/password', change);
    expect(changed.body.faults).toMatchObject([{ pointer: '#/newPassword' }]);
    const token = await mailedToken(email);
    const reset = await browser.put(`/api/password-resets/${token}`, { password: 'twice@example.com' });
    expect(reset.body).toMatchObject(refused);
    // The link is still valid.
    expect(
      (await browser.put(`/api/password-resets/${token}`, { password: 'a-fresh-password' })).status,
    ).toBe(204);
  });

  test('is refused beside its field on the pages, whose fields cut nothing off', async () => {
    const browser = shop.browser();
    const page = await browser.request('/sign-up', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: 'http://localhost' },
      body: new URLSearchParams({ name: 'Ada', email: 'page@example.com', password: 'password123' }),
    });
    const text = await page.text();
    expect(page.status).toBe(422);
    expect(text).toMatch(/id="password-fault">Is one of the passwords that are guessed first/);
    const field = /<input[^>]*name="password"[^>]*>/.exec(text)![0];
    expect(field).not.toContain('maxlength');
    expect(field).not.toContain('password123');
  });
});
