// The same key and body again gives the same answer and no second effect, for every write about an account.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareResetMail } from '../../origin/account/reset-password.ts';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let people = 0;
const password = 'a-password-of-tests';

beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off' } });
});
afterAll(() => shop[Symbol.asyncDispose]());

async function signedUp(): Promise<{ browser: Browser; email: string }> {
  const email = `repeat-${++people}@example.com`;
  const browser = shop.browser();
  await browser.signUp(email);
  return { browser, email };
}
const keyed = (key: string) => ({ 'Idempotency-Key': key });
/** Sends the request a second time with the cookies from before, as if the first answer had been lost. */
async function sendTwice(browser: Browser, send: () => Promise<{ status: number }>): Promise<number[]> {
  const cookies = new Map(browser.cookies);
  const first = await send();
  for (const [name, value] of cookies) browser.cookies.set(name, value);
  return [first.status, (await send()).status];
}
const mailsAsked = async (email: string) => {
  const rows = await shop.deps.db.selectFrom('outbox').select('payload').where('kind', '=', 'mail').execute();
  return rows.filter((row) => (row.payload as { to: string }).to === email).length;
};

describe('sent again with its key', () => {
  test('ending another device is 204 both times, and 404 without the key', async () => {
    const { browser, email } = await signedUp();
    await shop.browser().post('/api/sessions', { email, password });
    const { items } = (await browser.get('/api/sessions')).body;
    const path = `/api/sessions/${items.find((session: { current: boolean }) => !session.current).id}`;
    expect(await sendTwice(browser, () => browser.delete(path, keyed('end')))).toEqual([204, 204]);
    expect((await browser.delete(path)).status).toBe(404);
  });

  test('a new password is 204 both times, though the present one is another by then', async () => {
    const { browser } = await signedUp();
    const change = { currentPassword: password, newPassword: 'another-password' };
    const send = () => browser.put('/api/account/password', change, keyed('password'));
    expect(await sendTwice(browser, send)).toEqual([204, 204]);
    expect((await browser.put('/api/account/password', change)).body.code).toBe('wrong-password');
  });

  test('deleting the account is 204 both times, and 401 without the key', async () => {
    const { browser } = await signedUp();
    const cookies = new Map(browser.cookies);
    expect(await sendTwice(browser, () => browser.delete('/api/account', keyed('delete')))).toEqual([
      204, 204,
    ]);
    for (const [name, value] of cookies) browser.cookies.set(name, value);
    expect((await browser.delete('/api/account')).status).toBe(401);
  });

  test('asking for a new password sends one mail', async () => {
    const { browser, email } = await signedUp();
    const send = () => browser.post('/api/password-resets', { email }, keyed('reset'));
    expect(await sendTwice(browser, send)).toEqual([202, 202]);
    expect(await mailsAsked(email)).toBe(1);
  });

  test('signing out at once from ten tabs is signed out for all', async () => {
    const { browser } = await signedUp();
    const cookie = browser.cookieHeader;
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => browser.delete('/api/sessions/current', { Cookie: cookie })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(204));
  });

  test('a key of another request is refused', async () => {
    const { browser } = await signedUp();
    await browser.patch('/api/account', { name: 'One' }, keyed('taken'));
    for (const answer of [
      await browser.patch('/api/account', { name: 'Two' }, keyed('taken')),
      await browser.delete('/api/sessions/1', keyed('taken')),
      await browser.post('/api/password-resets', { email: 'x@example.com' }, keyed('taken')),
      await browser.delete('/api/account', keyed('taken')),
    ])
      expect([answer.status, answer.body.code]).toEqual([422, 'idempotency-key-reused']);
    expect((await browser.get('/api/account')).body.name).toBe('One');
  });

  test('signing in once more, while signed in, makes one session', async () => {
    const { browser, email } = await signedUp();
    const send = () => browser.post('/api/sessions', { email, password }, keyed('again'));
    expect(await sendTwice(browser, send)).toEqual([201, 201]);
    expect((await browser.get('/api/sessions')).body.items).toHaveLength(1);
  });
});

describe('a link to a new password', () => {
  test('with an unknown token costs no hashing', async () => {
    const refused = await Promise.all(
      Array.from({ length: 400 }, () => shop.browser().put('/api/password-resets/x', { password })),
    );
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([404]));
  });

  test('that was used stays used when its mail’s job runs once more', async () => {
    const { email } = await signedUp();
    const token = async () =>
      new URL(
        (await prepareResetMail(shop.deps, email, 'job-1'))!.paragraphs.flatMap((part) =>
          typeof part === 'string' || !('link' in part) ? [] : [part.link],
        )[0]!,
      ).hash.slice('#token='.length);
    const path = `/api/password-resets/${await token()}`;
    expect((await shop.browser().put(path, { password: 'a-fresh-password' })).status).toBe(204);
    expect(`/api/password-resets/${await token()}`).toBe(path);
    expect((await shop.browser().put(path, { password: 'a-stale-password' })).status).toBe(404);
  });

  test('is valid for half an hour from the mail that arrives, however often its job failed before', async () => {
    const { email } = await signedUp();
    const link = async () => {
      const mail = await prepareResetMail(shop.deps, email, 'job-4');
      return /token=([\w-]+)/.exec(JSON.stringify(mail))![1];
    };
    const tooEarly = await link();
    await shop.deps.db
      .updateTable('password_resets')
      .set({ created_at: new Date(Date.now() - 31 * 60_000) })
      .where('used_at', 'is', null)
      .execute();
    const path = `/api/password-resets/${await link()}`;
    expect(path).toBe(`/api/password-resets/${tooEarly}`);
    expect((await shop.browser().put(path, { password: 'a-fresh-password' })).status).toBe(204);
  });

  test('is used up once another link of the account was used', async () => {
    const { email } = await signedUp();
    const links = await Promise.all(
      ['job-2', 'job-3'].map(async (job) => {
        const mail = await prepareResetMail(shop.deps, email, job);
        return /token=([\w-]+)/.exec(JSON.stringify(mail))![1];
      }),
    );
    const put = (token?: string) =>
      shop.browser().put(`/api/password-resets/${token}`, { password: 'a-fresh-password' });
    expect([(await put(links[0])).status, (await put(links[1])).status]).toEqual([204, 404]);
  });

  test('ends thirty minutes after it was made', async () => {
    const { email } = await signedUp();
    const mail = await prepareResetMail(shop.deps, email, 'job-4');
    const token = /token=([\w-]+)/.exec(JSON.stringify(mail))![1];
    await shop.deps.db
      .updateTable('password_resets')
      .set({ created_at: new Date(Date.now() - 30 * 60_000) })
      .execute();
    expect(
      (await shop.browser().put(`/api/password-resets/${token}`, { password: 'a-fresh-password' })).status,
    ).toBe(404);
  });
});

describe('the export', () => {
  test('tells also where orders went and whom they were told to', async () => {
    const { browser, email } = await signedUp();
    await browser.add(shop.variants[0]!.id);
    await browser.order({ email });
    const { orders } = (await browser.get('/api/account/export')).body;
    expect(orders).toMatchObject([{ email, shippingAddress: { city: 'Dublin', country: 'IE' } }]);
  });
});
