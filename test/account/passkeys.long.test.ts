// Passkeys in a real browser with a virtual authenticator: added, named, used to sign in and to prove identity,
// removed. They are refused if replayed, unverified, copied, or of another account. Then the same for operators.
import type { Browser, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Health } from '../../origin/web/serving/health.ts';
import { serve } from '../../origin/web/serving/serve.ts';
import { createDashboard } from '../../worker/dashboard.ts';
import { startJobs } from '../../worker/jobs.ts';
import { hasChromium, launchChromium } from '../storefront/open-storefront.ts';
import { openShop, type Shop } from '../support/shop.ts';

const password = 'a-password-of-tests';

describe.skipIf(!hasChromium)('passkeys', () => {
  const standing = new AsyncDisposableStack();
  let shop: Shop;
  let chromium: Browser;
  let url: string;
  let page: Page;
  let cdp: CDPSession;
  let authenticatorId: string;
  const wrong: string[] = [];
  beforeAll(async () => {
    shop = standing.use(await openShop());
    const server = await serve({ fetch: shop.app.fetch as never, host: '127.0.0.1', port: 0 });
    standing.defer(() => server.stop(500));
    url = `http://localhost:${server.port}`;
    Object.assign(shop.deps.settings, { siteUrl: url });
    chromium = await launchChromium();
    standing.defer(() => chromium.close());
    page = await (await chromium.newContext()).newPage();
    page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
    page.setDefaultTimeout(12_000);
    cdp = await page.context().newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    ({ authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    }));
    await page.goto(`${url}/sign-up`);
    await page.fill('#name', 'Ada Byron');
    await page.fill('#email', 'ada@example.com');
    await page.fill('#password', password);
    await page.click('form[action="/sign-up"] button[type=submit]');
    await page.waitForURL(`${url}/account`);
  });
  afterAll(() => standing.disposeAsync());

  const press = (name: string) => page.getByRole('button', { name }).click();
  const signOut = () => page.context().clearCookies({ name: '__Host-session' });
  const signIn = async () => {
    await page.goto(`${url}/sign-in`);
    await press('Use a passkey');
  };
  const take = async (path: string) => {
    const folder = process.env['SCREENSHOTS'];
    for (const width of folder ? [390, 1280] : []) {
      await page.setViewportSize({ width, height: 900 });
      await page.screenshot({ path: `${folder}/${width}-${path}.png`, fullPage: true });
    }
  };

  test('are made with a name, and sign in without a password, once for each challenge', async () => {
    await take('account');
    await page.goto(`${url}/account/second-factor`);
    await page.fill('form[data-passkey] [name=name]', 'My laptop');
    await press('Add a passkey');
    await page.getByText('Recovery codes', { exact: true }).waitFor();
    await take('passkeys');
    expect(await page.locator('#recovery ~ ul code').count()).toBe(10);
    await page.goto(`${url}/account/second-factor`);
    await page.fill('li [name=name]', 'My old laptop');
    await press('Rename');
    expect(await page.locator('li [name=name]').inputValue()).toBe('My old laptop');

    await signOut();
    await take('sign-in');
    const sent = page.waitForRequest(
      (request) => request.method() === 'POST' && request.url() === `${url}/sign-in`,
    );
    await signIn();
    await page.waitForURL(`${url}/account`);
    const body = (await sent).postData()!;
    // The same answer is sent by another browser, and one that was made for another site.
    const replay = (form: string) =>
      fetch(`${url}/sign-in`, {
        method: 'POST',
        redirect: 'manual',
        headers: { Origin: url, 'Content-Type': 'application/x-www-form-urlencoded' },
        body: form,
      });
    const again = await replay(body.replace(/idempotency-key=[^&]+/, 'idempotency-key=another'));
    expect([again.status, again.headers.has('Set-Cookie')]).toEqual([403, false]);
    for (const passkey of ['{', '{"id":"x"}', '{"id":1}', 'null', '{"id":"a\\u0000"}'])
      expect((await replay(String(new URLSearchParams({ passkey })))).status).toBe(403);
    const stored = await shop.deps.db.selectFrom('passkeys').selectAll().execute();
    expect(stored).toMatchObject([{ name: 'My old laptop', last_used_at: expect.any(Date) }]);
    expect(Number(stored[0]!.counter)).toBeGreaterThan(0);
  });

  test('are a second factor: the password alone is not enough any more', async () => {
    const alone = await shop.browser().post('/api/sessions', { email: 'ada@example.com', password });
    expect(alone.body.code).toBe('second-factor-needed');
    await signOut();
    await page.goto(`${url}/sign-in`);
    await page.fill('#email', 'ada@example.com');
    await page.fill('#password', password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await take('code');
    await press('Use a passkey');
    await page.waitForURL(`${url}/account`);
  });

  test('show anew who it is', async () => {
    await shop.deps.db.updateTable('sessions').set({ verified_at: null }).execute();
    const { id } = await shop.deps.db.selectFrom('accounts').select('id').executeTakeFirstOrThrow();
    await shop.deps.floors.raise({ [`account:${id}`]: 1_000 });
    await shop.deps.db.updateTable('accounts').set({ version: 1_000 }).execute();
    await page.goto(`${url}/account/data`);
    expect(page.url()).toContain('/verify');
    await take('verify');
    await press('Use a passkey');
    await page.waitForURL(`${url}/account/data`);
  });

  test('do not count without finger or PIN, from a copy, or after their challenge', async () => {
    await signOut();
    const refused = async () => {
      await signIn();
      await page.getByText('This passkey is not known here').waitFor();
    };
    const [kept] = (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
    await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId: kept!.credentialId });
    await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...kept!, signCount: 0 } });
    await refused();
    await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId: kept!.credentialId });
    await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...kept!, signCount: 50 } });
    await page.goto(`${url}/sign-in`);
    const { now } = shop.deps;
    shop.deps.now = () => now() + 601_000;
    await press('Use a passkey');
    await page.getByText('This passkey is not known here').waitFor();
    shop.deps.now = now;
    Object.assign(shop.deps.settings, { siteUrl: 'http://localhost:1' });
    await refused();
    Object.assign(shop.deps.settings, { siteUrl: url });
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await signIn();
    await page.getByText('The passkey was not used').waitFor();
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
    await signIn();
    await page.waitForURL(`${url}/account`);
  });

  test('are not removed by mistake where they are the last factor', async () => {
    await page.goto(`${url}/account/second-factor`);
    const remove = async (isMeant: boolean) => {
      await page.locator('summary', { hasText: 'Remove' }).click();
      if (isMeant) await page.getByLabel('Also if it is my last').check();
      await page.getByRole('button', { name: 'Remove' }).click();
    };
    await remove(false);
    await page.getByText('This is your only second factor').waitFor();
    await remove(true);
    await page.locator('li [name=name]').waitFor({ state: 'detached' });
    expect(await shop.deps.db.selectFrom('passkeys').selectAll().execute()).toEqual([]);
    expect(await shop.deps.db.selectFrom('recovery_codes').selectAll().execute()).toEqual([]);
    const alone = await shop.browser().post('/api/sessions', { email: 'ada@example.com', password });
    expect(alone.status).toBe(201);
    // Only the refusals themselves are logged, and nothing about the content security policy.
    expect(wrong.filter((text) => !/Failed to load resource|status of 403/.test(text))).toEqual([]);
  });

  describe('of operators', () => {
    let at: string;
    const security: unknown[] = [];
    const enter = async (name: string) => {
      await page.context().clearCookies();
      await page.goto(`${at}/jobs`);
      await page.fill('#name', name);
      await page.fill('#password', 'a-password-of-operators');
      await press('Sign in');
    };
    /** A ticket works only in the browser that it was made for. */
    const send = async (path: string, fields: string) => {
      const headers = {
        Origin: at,
        'Content-Type': 'application/x-www-form-urlencoded',
        'User-Agent': (await page.evaluate('navigator.userAgent')) as string,
      };
      return fetch(at + path, { method: 'POST', redirect: 'manual', headers, body: fields });
    };
    beforeAll(async () => {
      const jobs = startJobs(shop.deps);
      standing.defer(() => jobs.stop());
      const { db } = shop.deps;
      const settings = { ...shop.deps.settings };
      const note = (line: unknown) => void security.push(line);
      const log = { info: note, warn: note } as never;
      const dashboard = createDashboard({ settings, db, ...jobs, health: new Health(), log });
      const server = await serve({ fetch: dashboard.fetch as never, host: '127.0.0.1', port: 0 });
      standing.defer(() => server.stop(500));
      at = `http://localhost:${server.port}`;
      settings.workerUrl = at;
      wrong.length = 0;
    });

    test('sign in by password and passkey, each answer once, and no other name by it', async () => {
      await enter('Ada');
      await page.goto(`${at}/jobs/you`);
      await take('operator-without');
      await page.fill('#label', 'Laptop');
      await press('Add a passkey');
      await page.getByText('The passkey is added').waitFor();
      expect(await page.locator('.codes code').count()).toBe(10);
      await take('operator-passkey');

      await enter('ada');
      await page.getByRole('button', { name: 'Use a passkey' }).waitFor();
      await take('operator-code');
      const sent = page.waitForRequest((request) => /passkey=%7B/.test(request.postData() ?? ''));
      await press('Use a passkey');
      await page.getByText('Signed in as Ada').waitFor();
      const form = (await sent).postData()!;
      expect((await send('/jobs', form)).status).toBe(401);
      for (const passkey of ['{', 'null', '{"id":"x"}']) {
        const fields = new URLSearchParams(form);
        fields.set('passkey', passkey);
        expect((await send('/jobs', String(fields))).status).toBe(401);
      }
      // Bob's ticket, with an answer that Ada's passkey signed.
      await enter('Bob');
      expect(await page.getByRole('button', { name: 'Use a passkey' }).count()).toBe(0);
      const fields = new URLSearchParams(form);
      fields.set('ticket', await page.locator('[name=ticket]').inputValue());
      expect((await send('/jobs', String(fields))).status).toBe(401);
      expect(JSON.stringify(security)).toContain('operator-passkey-failed');
    });

    test('admit others by a passkey, and show it once more before passkeys change', async () => {
      await enter('Ada');
      await press('Use a passkey');
      await page.getByText('Signed in as Ada').waitFor();
      await page.goto(`${at}/jobs/you`);
      await page.fill('#passkey-admit-name', 'Bob');
      await press('Make a code by passkey');
      await page.getByText('Code for Bob').waitFor();

      const { db } = shop.deps;
      const before = new Date(Date.now() - 660_000);
      await db.updateTable('operator_sessions').set({ verified_at: before }).execute();
      const stale = await page.evaluate(`fetch('/jobs/you', { method: 'POST',
        body: new URLSearchParams({ do: 'remove-passkey', id: 'x' }) }).then(({ status }) => status)`);
      expect(stale).toBe(403);
      await page.goto(`${at}/jobs/you`);
      expect(await page.getByRole('button', { name: 'Remove Laptop' }).count()).toBe(0);
      await press('Show it by passkey');
      await page.getByText('It is you').waitFor();
      await press('Remove Laptop');
      await page.getByText('The passkey is removed').waitFor();
      expect(await db.selectFrom('operator_passkeys').selectAll().execute()).toEqual([]);
      const deeds = await db.selectFrom('operator_log').select(['who', 'action']).execute();
      for (const action of ['add passkey', 'admit operator', 'remove passkey'])
        expect(deeds).toContainEqual({ who: 'Ada', action });
      expect(wrong.filter((text) => !/Failed to load resource|status of 40[13]/.test(text))).toEqual([]);
    });
  });
});
