// The second factor: asked for at sign-in and for sensitive actions. Each code and each recovery code works once, and
// the pages offer no way around it.
import { TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, openShop, type Shop, staffAccount } from '../support/shop.ts';

const password = 'a-password-of-tests';
let shop: Shop;
/** The shop's clock. Tests turn it, so that a new code does not have to be waited for. */
let nowMs = Date.now();
beforeAll(async () => {
  shop = await openShop();
  shop.deps.now = () => nowMs;
});
afterAll(() => shop[Symbol.asyncDispose]());

const form = (browser: Browser, path: string, values: Record<string, string>) =>
  browser.request(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: 'http://localhost' },
    body: new URLSearchParams(values),
  });

/** Returns a new code each time, by turning the clock. */
function codeOf(secret: string): string {
  nowMs += 30_000;
  return new TOTP({ secret }).generate({ timestamp: nowMs });
}

async function enrol(browser: Browser, given = password) {
  const path = '/api/account/second-factor';
  const { body } = await browser.post(path, { password: given });
  const secret: string = body.secret;
  const confirmed = await browser.put(path, { code: codeOf(secret) });
  expect(confirmed.status).toBe(200);
  return { secret, recoveryCodes: confirmed.body.recoveryCodes as string[] };
}

describe('a second factor', () => {
  const email = 'factor@example.com';
  let owner: Browser;
  let secret: string;
  let recoveryCodes: string[];
  beforeAll(async () => {
    owner = shop.browser();
    await owner.signUp(email);
    const other = shop.browser();
    await other.post('/api/sessions', { email, password });
    const former = owner.cookies.get('__Host-session');
    expect((await owner.post('/api/account/second-factor', { password: 'wrong' })).status).toBe(403);
    ({ secret, recoveryCodes } = await enrol(owner));
    expect(owner.cookies.get('__Host-session')).not.toBe(former);
    expect((await other.get('/api/account')).status).toBe(401);
  });

  const signIn = (code?: string, browser = shop.browser()) =>
    browser.post('/api/sessions', { email, password, ...(code === undefined ? {} : { code }) });

  test('is asked for after the password, and a code works once', async () => {
    const asked = await signIn();
    expect([asked.status, asked.body.code]).toEqual([401, 'second-factor-needed']);
    expect((await signIn('000000')).body.code).toBe('wrong-code');
    const code = codeOf(secret);
    const wrongPassword = { email, password: 'wrong', code };
    expect((await shop.browser().post('/api/sessions', wrongPassword)).body.code).toBe('wrong-credentials');
    expect((await signIn(code)).status).toBe(201);
    expect((await signIn(code)).body.code).toBe('wrong-code');
    // An older code is refused too, although the clock would still allow it.
    const older = new TOTP({ secret }).generate({ timestamp: nowMs - 30_000 });
    expect((await signIn(older)).body.code).toBe('wrong-code');
  });

  test('that is sent again with its key is the same session', async () => {
    const browser = shop.browser();
    await browser.add(shop.variants[0]!.id);
    const body = { email, password, code: codeOf(secret) };
    const headers = { 'Idempotency-Key': 'once', Cookie: browser.cookieHeader };
    const first = await browser.post('/api/sessions', body, headers);
    const second = await browser.post('/api/sessions', body, headers);
    expect([first.status, second.status]).toEqual([201, 201]);
  });

  test('is replaced by a recovery code, each once, however it is written', async () => {
    const [one, other] = recoveryCodes;
    expect((await signIn(one!.toUpperCase().replaceAll('-', ' '))).status).toBe(201);
    expect((await signIn(one)).body.code).toBe('wrong-code');
    expect((await signIn(other)).status).toBe(201);
    expect((await owner.get('/api/account/second-factor')).body).toEqual({
      enabled: true,
      recoveryCodesLeft: 8,
    });
  });

  test('is asked for by the pages without a script, in a second step that holds five minutes', async () => {
    const browser = shop.browser();
    const second = async () => {
      const page = await (await form(browser, '/sign-in', { email, password, next: '/cart' })).text();
      expect(page).toContain('autocomplete="one-time-code"');
      expect(page).not.toContain(password);
      return /name="ticket" value="([^"]+)"/.exec(page)![1]!;
    };
    const ticket = await second();
    const wrong = await form(browser, '/sign-in', { ticket, code: '000000', next: '/cart' });
    expect([wrong.status, await wrong.text()]).toEqual([403, expect.stringContaining(ticket)]);
    const changed = `${ticket.slice(0, -4)}AAAA`;
    expect(
      (await form(browser, '/sign-in', { ticket: changed, code: codeOf(secret) })).headers.get('Location'),
    ).toMatch(/^\/sign-in/);
    const entered = await form(browser, '/sign-in', { ticket, code: codeOf(secret), next: '/cart' });
    expect([entered.status, entered.headers.get('Location')]).toEqual([303, '/cart']);
    expect((await browser.get('/api/account')).status).toBe(200);
    const late = await second();
    nowMs += 301_000;
    const refused = await form(shop.browser(), '/sign-in', { ticket: late, code: codeOf(secret) });
    expect(refused.headers.get('Location')).toMatch(/^\/sign-in/);
  });

  test('is guessed ten times at most, also with the right password', async () => {
    const stranger = shop.browser();
    const codes: string[] = [];
    for (let n = 0; n < 12; n++) codes.push((await signIn(`11111${n % 10}`, stranger)).body.code);
    expect(codes.slice(-2)).toEqual(['too-many-attempts', 'too-many-attempts']);
    expect((await signIn(codeOf(secret), stranger)).status).toBe(429);
    // The owner's own device has a limit of its own.
    await owner.delete('/api/sessions/current');
    expect((await signIn(codeOf(secret), owner)).status).toBe(201);
  });

  test('is stored sealed, and its recovery codes as hashes', async () => {
    const { rows } = await shop.deps.db
      .selectFrom('totp_secrets')
      .select('secret')
      .execute()
      .then((found) => ({ rows: found }));
    expect(JSON.stringify(rows)).not.toContain(secret);
    const hashes = await shop.deps.db.selectFrom('recovery_codes').select('code_hash').execute();
    expect(JSON.stringify(hashes)).not.toContain(recoveryCodes[5]);
  });
});

describe('a second factor of staff', () => {
  test('is asked for anew, for refunds, roles and exports, ten minutes after it was shown', async () => {
    const owner = await shop.staff();
    const colleague = { email: 'colleague@example.com', role: 'viewer' };
    await shop.browser().signUp(colleague.email);
    // The sign-in was only just made.
    expect((await owner.post('/api/staff/members', colleague)).status).toBe(201);
    const { secret } = await enrol(owner, staffAccount.password);
    const deeds = async () => [
      (await owner.post('/api/staff/members', colleague)).body.code ?? 'done',
      (await owner.get('/api/account/export')).body.code ?? 'done',
      (await owner.post('/api/staff/orders/1/refunds', { amount: 1, reason: 'Why' })).body.code,
    ];
    expect(await deeds()).toEqual(['done', 'done', 'not-found']);
    nowMs += 600_000;
    expect(await deeds()).toEqual(Array(3).fill('second-factor-needed'));
    const page = await form(owner, '/staff/members', { email: colleague.email, role: 'editor' });
    expect(page.headers.get('Location')).toBe('/verify?next=%2Fstaff%2Fmembers');
    // Actions that are not sensitive need no new proof.
    expect((await owner.get('/api/staff/orders')).status).toBe(200);
    expect((await form(owner, '/verify', { code: '000000', next: '/staff/members' })).status).toBe(403);
    const shown = await form(owner, '/verify', { code: codeOf(secret), next: '/staff/members' });
    expect(shown.headers.get('Location')).toBe('/staff/members');
    expect(await deeds()).toEqual(['done', 'done', 'not-found']);
    const removed = await owner.post('/api/account/second-factor/removal', { code: codeOf(secret) });
    expect(removed.status).toBe(204);
    expect((await shop.browser().post('/api/sessions', staffAccount)).status).toBe(201);
  });

  test('is needed for every staff route where the shop requires it, and only there', async () => {
    await using strict = await openShop({ env: { STAFF_SECOND_FACTOR: 'required' } });
    const staff = await strict.staff();
    expect((await staff.get('/api/staff/orders')).body.code).toBe('second-factor-missing');
    expect((await staff.get('/api/account')).status).toBe(200);
    const { body } = await staff.post('/api/account/second-factor', { password: staffAccount.password });
    const code = new TOTP({ secret: body.secret }).generate();
    await staff.put('/api/account/second-factor', { code });
    expect((await staff.get('/api/staff/orders')).status).toBe(200);
  });
});

test('The page sets a factor up and shows the recovery codes once', async () => {
  const browser = shop.browser();
  await browser.signUp('setup@example.com');
  const path = '/account/second-factor';
  await form(browser, path, { do: 'begin', password });
  const page = await (await browser.request(path)).text();
  const secret = /<code>([A-Z2-7 ]+)<\/code>/.exec(page)![1]!.replaceAll(' ', '');
  expect(page).toContain(`secret=${secret}`);
  const done = await (await form(browser, path, { do: 'confirm', code: codeOf(secret) })).text();
  const codes = [...done.matchAll(/<code>((?:[a-z2-9]{4}-?){4})<\/code>/g)].map(([, code]) => code!);
  expect(codes).toHaveLength(10);
  expect(await (await browser.request(path)).text()).not.toContain(codes[0]);
  expect((await browser.get('/api/account')).status).toBe(200);
});
