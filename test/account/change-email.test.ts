// A changed e-mail is confirmed by the new address and undone by the former one, and a guesser cannot use it. Also:
// ten minutes after sign-in, a proof of identity is asked again.
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type confirmationTemplate,
  prepareEmailChangeMail,
  pruneEmailChanges,
} from '../../origin/account/change-email.ts';
import { createPasswords, ensureStaffAccount } from '../../origin/account/passwords.ts';
import { type Browser, openShop, type Shop, staffAccount } from '../support/shop.ts';

const password = 'a-password-of-tests';
let shop: Shop;
let nowMs = Date.now();
beforeAll(async () => {
  shop = await openShop();
  shop.deps.now = () => nowMs;
});
afterAll(() => shop[Symbol.asyncDispose]());

const change = (browser: Browser, email: string, given = password) =>
  browser.post('/api/account/email-changes', { email, password: given });
const signIn = (email: string, given = password) =>
  shop.browser().post('/api/sessions', { email, password: given });
const confirm = (browser: Browser, token: string) => browser.post('/api/email-confirmations', { token });
const undo = (token: string, newPassword = 'quite-another-password') =>
  shop.browser().post('/api/email-confirmations/undo', { token, password: newPassword });

async function person(email: string): Promise<Browser> {
  const browser = shop.browser();
  expect((await browser.signUp(email)).status).toBe(201);
  return browser;
}

/** Returns the newest mail to an address, as the worker composes it. */
async function mailTo(to: string) {
  const { payload } = await shop.deps.db
    .selectFrom('outbox')
    .select('payload')
    .where('kind', '=', 'mail')
    .where(sql`payload->>'to'`, '=', to)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  const { template, data } = payload as { template: typeof confirmationTemplate; data: { seed: string } };
  const mail = await prepareEmailChangeMail(shop.deps, to, template, data.seed);
  const text = JSON.stringify(mail?.paragraphs ?? []);
  return { mail, text, token: /#token=([\w-]+)/.exec(text)?.[1] ?? 'none' };
}

async function asked(email: string, next: string) {
  const browser = await person(email);
  expect((await change(browser, next)).status).toBe(202);
  const [fresh, former] = [await mailTo(next), await mailTo(email)];
  return { browser, fresh, former };
}

describe('a change of the e-mail', () => {
  test('counts once the new address confirms it: bag and orders stay, other sessions end', async () => {
    const { browser, fresh, former } = await asked('ada@example.com', 'Ada@Example.org');
    await browser.buy(shop.variants[0]!.id);
    await browser.add(shop.variants[0]!.id, 2);
    const other = shop.browser();
    await other.post('/api/sessions', { email: 'ada@example.com', password });
    expect((await browser.get('/api/account')).body.email).toBe('ada@example.com');
    expect(fresh.text).not.toContain('Test Person');
    expect(former.text).toContain('A…@Example.org');
    const kept = JSON.stringify(await shop.deps.db.selectFrom('email_confirmations').selectAll().execute());
    for (const { token } of [fresh, former]) expect(kept).not.toContain(token);

    expect((await confirm(browser, former.token)).status).toBe(404);
    const before = browser.cookies.get('__Host-session');
    const [first, again] = [await confirm(browser, fresh.token), await confirm(browser, fresh.token)];
    expect([first.status, again.status]).toEqual([204, 404]);
    expect(browser.cookies.get('__Host-session')).not.toBe(before);
    const { body } = await browser.get('/api/account');
    expect([body.email, (await other.get('/api/account')).status]).toEqual(['Ada@Example.org', 401]);
    expect([
      (await browser.get('/api/cart')).body.count,
      (await browser.get('/api/orders')).body.items.length,
    ]).toEqual([2, 1]);
    expect((await signIn('ada@example.com')).status).toBe(401);
    expect((await signIn('ADA@example.org')).status).toBe(201);
    // The e-mail is changed a second time.
    nowMs += 1_000;
    expect((await change(browser, 'third@example.org')).status).toBe(202);
    expect((await confirm(browser, (await mailTo('third@example.org')).token)).status).toBe(204);
    expect((await signIn('third@example.org')).status).toBe(201);
  });

  test('whose answer was lost is answered again to the browser that sent it', async () => {
    const { browser, fresh } = await asked('lost@example.com', 'lost@example.org');
    const headers = { Cookie: browser.cookieHeader };
    const send = () => shop.browser().post('/api/email-confirmations', { token: fresh.token }, headers);
    const answers = [await send(), await send()].map(({ status }) => status);
    expect(answers).toEqual([204, 204]);
  });

  test('is confirmed in another browser, too, which signs everybody out', async () => {
    const { browser, fresh } = await asked('phone@example.com', 'phone@example.org');
    const phone = shop.browser();
    expect((await confirm(phone, fresh.token)).status).toBe(204);
    expect([(await browser.get('/api/account')).status, phone.cookies.has('__Host-session')]).toEqual([
      401,
      false,
    ]);
  });

  test('needs the password, and another address', async () => {
    const browser = await person('same@example.com');
    expect((await change(browser, 'new@example.com', 'wrong')).body.code).toBe('wrong-password');
    expect((await change(browser, 'same@example.com')).body).toMatchObject({ code: 'invalid-body' });
    expect((await change(browser, 'not an address')).status).toBe(422);
    expect((await change(shop.browser(), 'new@example.com')).status).toBe(401);
  });

  test('to a taken address is answered as any other, and only its owner is told', async () => {
    await person('taken@example.com');
    const { browser, fresh } = await asked('taker@example.com', 'TAKEN@example.com');
    expect([fresh.text, fresh.token]).toEqual([expect.stringContaining('you have an account'), 'none']);
    const answerTo = async (email: string) => {
      const { status, body } = await change(browser, email);
      return JSON.stringify({ status, body }).replaceAll(email, 'the address');
    };
    expect(await answerTo('taken@example.com')).toBe(await answerTo('free@example.com'));
    // The address is taken between mail and click.
    await change(browser, 'soon@example.com');
    const { token } = await mailTo('soon@example.com');
    await person('soon@example.com');
    expect((await confirm(browser, token)).body.code).toBe('email-taken');
  });

  test('is replaced by the next one and stopped by its owner', async () => {
    const { browser, fresh } = await asked('twice@example.com', 'first@example.org');
    await change(browser, 'second@example.org');
    expect((await confirm(browser, fresh.token)).status).toBe(404);
    expect((await mailTo('first@example.org')).mail).toBeUndefined();
    const { token } = await mailTo('second@example.org');
    expect((await browser.delete('/api/account/email-changes/current')).status).toBe(204);
    expect((await confirm(browser, token)).status).toBe(404);
  });

  test('is confirmed within a day, and undone within a week of that', async () => {
    const { browser, fresh, former } = await asked('late@example.com', 'late@example.org');
    const { db } = shop.deps;
    const back = async (column: 'created_at' | 'used_at', hours: number) => {
      await db
        .updateTable('email_confirmations')
        .set({ [column]: new Date(Date.now() - hours * 3_600_000) })
        .where('email', '=', 'late@example.org')
        .execute();
    };
    await back('created_at', 25);
    expect((await confirm(browser, fresh.token)).status).toBe(404);
    await back('created_at', 23);
    expect((await confirm(browser, fresh.token)).status).toBe(204);
    await back('used_at', 7 * 24 + 1);
    expect((await undo(former.token)).status).toBe(404);
    await back('used_at', 7 * 24 - 1);
    expect((await undo(former.token)).status).toBe(204);
    await back('created_at', 11 * 24);
    await pruneEmailChanges(db);
    const left = db.selectFrom('email_confirmations').select('email').where('email', '=', 'late@example.org');
    expect(await left.execute()).toEqual([]);
  });

  test('is asked for five times an hour, and fills no stranger’s mailbox', async () => {
    const browser = await person('eager@example.com');
    const statuses: number[] = [];
    for (let n = 0; n < 6; n++) statuses.push((await change(browser, `victim@example.org`)).status);
    expect(statuses).toEqual([202, 202, 202, 202, 202, 429]);
    expect((await mailTo('victim@example.org')).mail).toBeUndefined();
  });
});

describe('a change that the former address does not want', () => {
  test('is stopped before it is confirmed, by a new password', async () => {
    const { browser, fresh, former } = await asked('calm@example.com', 'thief@example.org');
    expect((await undo(former.token, 'calm@example.com')).status).toBe(422);
    expect((await undo(former.token)).status).toBe(204);
    expect((await undo(former.token)).status).toBe(404);
    expect((await confirm(browser, fresh.token)).status).toBe(404);
    expect((await browser.get('/api/account')).status).toBe(401);
    expect((await signIn('calm@example.com')).status).toBe(401);
    expect((await signIn('calm@example.com', 'quite-another-password')).status).toBe(201);
  });

  test('is taken back with all that the thief has done since', async () => {
    const { browser, fresh, former } = await asked('owner@example.com', 'thief2@example.org');
    await confirm(browser, fresh.token);
    // The thief sets up a second factor and asks for a third address. Others try to take the former one.
    const factor = await browser.post('/api/account/second-factor', { password });
    const { TOTP } = await import('otpauth');
    const code = new TOTP({ secret: factor.body.secret }).generate({ timestamp: nowMs });
    expect((await browser.put('/api/account/second-factor', { code })).status).toBe(200);
    expect((await change(browser, 'thief3@example.org')).status).toBe(202);
    const second = await mailTo('thief2@example.org');
    expect((await shop.browser().signUp('owner@example.com')).body.code).toBe('email-taken');
    const stranger = await person('stranger@example.com');
    await change(stranger, 'owner@example.com');
    expect((await mailTo('owner@example.com')).token).toBe('none');

    expect((await undo(former.token)).status).toBe(204);
    expect((await undo(second.token)).status).toBe(404);
    expect((await browser.get('/api/account')).status).toBe(401);
    const entered = await signIn('owner@example.com', 'quite-another-password');
    expect([entered.status, entered.body.email]).toEqual([201, 'owner@example.com']);
    expect((await signIn('thief2@example.org')).status).toBe(401);
  });
});

test('A member of the staff who has another e-mail is not made anew at the next start', async () => {
  const staff = await shop.staff();
  expect((await change(staff, 'boss@example.com')).status).toBe(202);
  expect((await confirm(staff, (await mailTo('boss@example.com')).token)).status).toBe(204);
  const { db } = shop.deps;
  await db
    .updateTable('email_confirmations')
    .set({ created_at: new Date(0) })
    .execute();
  await pruneEmailChanges(db);
  await ensureStaffAccount(
    db,
    createPasswords({ memoryCost: 64, timeCost: 1, parallelism: 1 }),
    staffAccount,
  );
  expect((await signIn(staffAccount.email)).status).toBe(401);
  expect((await staff.get('/api/staff/members')).body.items).toHaveLength(1);
});

describe('a shopper who signed in more than ten minutes ago', () => {
  test('is asked for the password before deletion, export, refunds and roles', async () => {
    const colleague = { email: 'colleague@example.com', role: 'editor' };
    await person(colleague.email);
    const { db } = shop.deps;
    const shopper = await person('leaver@example.com');
    const boss = await person('boss2@example.com');
    await db
      .updateTable('accounts')
      .set({ role: 'staff', staff_role: 'owner' })
      .where('email', '=', 'boss2@example.com')
      .execute();
    await boss.post('/api/sessions', { email: 'boss2@example.com', password });
    const deeds = async () => [
      (await boss.post('/api/staff/members', colleague)).body.code ?? 'done',
      (await boss.get('/api/account/export')).body.code ?? 'done',
      (await boss.post('/api/staff/orders/999999/refunds', { amount: 1, reason: 'Why' })).body.code,
      (await boss.post('/api/staff/api-keys', { name: 'ERP', scopes: ['orders:read'] })).body.code ?? 'done',
      (await boss.request('/staff/reports/vat.csv?from=2026-01-01')).headers.get('Location') ?? 'done',
    ];
    expect(await deeds()).toEqual(['done', 'done', 'not-found', 'done', 'done']);
    nowMs += 601_000;
    const verify = '/verify?next=%2Fstaff%2Freports%2Fvat.csv%3Ffrom%3D2026-01-01';
    expect(await deeds()).toEqual([...Array(4).fill('password-needed'), verify]);
    expect((await shopper.delete('/api/account')).body.code).toBe('password-needed');
    const form = await shopper.request('/verify');
    expect(await form.text()).toContain('autocomplete="current-password"');
    const prove = (browser: Browser, given: string) =>
      browser.post('/api/sessions/current/verification', { password: given });
    expect((await prove(boss, 'wrong')).body.code).toBe('wrong-password');
    expect((await prove(boss, password)).status).toBe(204);
    expect(await deeds()).toEqual(['done', 'done', 'not-found', 'done', 'done']);
    expect((await prove(shopper, password)).status).toBe(204);
    expect((await shopper.delete('/api/account')).status).toBe(204);
  });
});

test('The security log tells of deeds and refusals, by page and by API, without anything that was typed', async () => {
  const lines: string[] = [];
  const note = (fields: unknown) => lines.push(JSON.stringify(fields)) as never;
  const spies = [
    vi.spyOn(shop.deps.log, 'info').mockImplementation(note),
    vi.spyOn(shop.deps.log, 'warn').mockImplementation(note),
  ];
  const browser = await person('logged@example.com');
  const form = (path: string, values: Record<string, string>) =>
    browser.request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: 'http://localhost' },
      body: new URLSearchParams(values),
    });
  await form('/account', {
    do: 'change-password',
    currentPassword: 'wrong-secret',
    newPassword: 'new-secret-9',
  });
  await browser.put('/api/account/password', { currentPassword: password, newPassword: 'new-secret-9' });
  await change(browser, 'logged@example.org', 'new-secret-9');
  const { token } = await mailTo('logged@example.org');
  await confirm(browser, token);
  await browser.get('/api/staff/orders');
  await browser.delete('/api/sessions/current');
  await signIn('logged@example.org', 'guessed-secret');
  for (const spy of spies) spy.mockRestore();
  const told = lines.join('\n');
  for (const kind of [
    'sign-up',
    'password-changed',
    'email-change-asked',
    'email-changed',
    'sign-out',
    'sign-in-failed',
  ])
    expect(told).toContain(`"security":"${kind}"`);
  expect(told).toMatch(/"security":"refused","status":403,"method":"POST","path":"\/account"/);
  expect(told).toMatch(/"security":"refused","status":403,.*"path":"\/api\/staff\/orders"/);
  for (const secret of ['secret', 'logged@', token]) expect(told).not.toContain(secret);
});
