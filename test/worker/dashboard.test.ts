// The operators' dashboard to whoever is not let in: every answer bears the usual headers, a program is asked for
// Basic, a browser is shown the form.
import type { Hono } from 'hono';
import { TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { accessCommand } from '../../ops-scripts/access/command.ts';
import { admitOperator } from '../../origin/account/operator-factors.ts';
import { offersPasskeys } from '../../origin/account/operator-passkeys.ts';
import {
  entryOptions,
  isOurChallenge,
  type Purpose,
  type RelyingParty,
} from '../../origin/account/passkey-ceremony.ts';
import { createRateLimits } from '../../origin/account/rate-limits.ts';
import { Health } from '../../origin/web/serving/health.ts';
import { createDashboard } from '../../worker/dashboard.ts';
import { type Jobs, startJobs } from '../../worker/jobs.ts';
import { openShop, type Shop, staffAccount } from '../support/shop.ts';

let shop: Shop;
let jobs: Jobs;
let dashboard: Hono;
/** The dashboard's clock, so that a new code comes without waiting for it. */
let nowMs = Date.now();
beforeAll(async () => {
  shop = await openShop();
  jobs = startJobs(shop.deps);
  const { settings, db } = shop.deps;
  dashboard = createDashboard({ settings, db, ...jobs, health: new Health(), now: () => nowMs });
});
afterAll(async () => {
  await jobs?.stop();
  await shop?.[Symbol.asyncDispose]();
});

test('a write from another site is refused with the headers that every answer bears', async () => {
  const refused = await dashboard.request('/jobs', {
    method: 'POST',
    headers: { 'Sec-Fetch-Site': 'cross-site' },
  });
  expect(refused.status).toBe(403);
  expect(refused.headers.get('X-Content-Type-Options')).toBe('nosniff');
  expect(refused.headers.get('Referrer-Policy')).not.toBeNull();
  expect(refused.headers.get('Served-By')).toBe('local/origin-1');
  expect(refused.headers.get('Cache-Control')).toBe('private, no-store');
});

test('a form that cannot be read is the sender’s fault', async () => {
  const refused = await dashboard.request('/jobs', {
    method: 'POST',
    headers: { 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'multipart/form-data' },
    body: 'x',
  });
  expect(refused.status).toBe(422);
});

describe.each(['/jobs', '/jobs/board'])('%s without a password', (path) => {
  test('asks a program for Basic', async () => {
    for (const headers of [{}, { Accept: '*/*' }, { Accept: 'application/json' }] as Record<
      string,
      string
    >[]) {
      const answer = await dashboard.request(path, { headers });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Basic realm="/);
    }
  });

  test('shows a browser the form, and lets its scripts open no window for the password', async () => {
    for (const headers of [
      { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' },
      { Accept: 'application/json, */*', 'Sec-Fetch-Mode': 'cors' },
    ] as Record<string, string>[]) {
      const answer = await dashboard.request(path, { headers });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('WWW-Authenticate')).toMatch(
        /^Cookie realm=.*cookie-name="__Host-operator"$/,
      );
      expect(await answer.text()).toContain('type="password"');
    }
  });
});

describe('the operators’ password', () => {
  const form = (password: string, cookie = '') =>
    dashboard.request('/jobs', {
      method: 'POST',
      headers: {
        'Sec-Fetch-Site': 'same-origin',
        'Content-Type': 'application/x-www-form-urlencoded',
        Cookie: cookie,
      },
      body: new URLSearchParams({ password }),
    });
  const basic = (password: string, from: string) =>
    dashboard.request(
      '/jobs',
      { headers: { Authorization: `Basic ${btoa(`operator:${password}`)}` } },
      { incoming: { socket: { remoteAddress: from } } },
    );
  const right = 'a-password-of-operators';

  test('is guessed ten times by form and Basic together; who was let in before still is', async () => {
    const welcome = await form(right);
    const device = welcome.headers.getSetCookie().find((line) => line.startsWith('__Host-device='))!;
    expect((await basic(right, '192.0.2.1')).status).toBe(200);
    for (let n = 0; n < 5; n++) expect((await form(`guess-${n}`)).status).toBe(401);
    for (let n = 0; n < 5; n++) expect((await basic(`guess-${n}`, '192.0.2.9')).status).toBe(401);
    for (const refused of [await form(right), await basic(right, '192.0.2.9')]) {
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(800);
    }
    expect((await form(right, device.split(';')[0])).status).toBe(303);
    expect((await basic(right, '192.0.2.1')).status).toBe(200);
  });
});

describe('operators who sign in by form', () => {
  const password = 'a-password-of-operators';

  /** A browser of the dashboard in small. */
  class Console {
    readonly cookies = new Map<string, string>();
    readonly #of: Hono;
    constructor(of: Hono = fresh()) {
      this.#of = of;
    }
    async send(path: string, fields?: Record<string, string>, headers: Record<string, string> = {}) {
      const answer = await this.#of.request(path, {
        ...(fields && { method: 'POST', body: new URLSearchParams(fields) }),
        headers: {
          Accept: 'text/html',
          'Sec-Fetch-Site': 'same-origin',
          Cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
          ...headers,
        },
      });
      for (const line of answer.headers.getSetCookie()) {
        const [name = '', value = ''] = line.split(';')[0]!.split('=');
        if (value === '') this.cookies.delete(name);
        else this.cookies.set(name, value);
      }
      return { status: answer.status, text: await answer.text(), headers: answer.headers };
    }
    signIn(name: string, more: Record<string, string> = {}) {
      return this.send('/jobs', { name, password, ...more });
    }
    you = (fields: Record<string, string>) => this.send('/jobs/you', fields);
    status = async (path = '/jobs/log') => (await this.send(path)).status;
  }
  /** Another worker, with counts of attempts of its own. */
  function fresh(): Hono {
    const { settings, db } = shop.deps;
    return createDashboard({ settings, db, ...jobs, health: new Health(), now: () => nowMs });
  }
  function codeOf(secret: string): string {
    nowMs += 30_000;
    return new TOTP({ secret }).generate({ timestamp: nowMs });
  }
  const ticketOf = (text: string) => /name="ticket" value="([^"]+)"/.exec(text)?.[1] ?? '';
  const countFactors = () => shop.deps.db.selectFrom('operators').selectAll().execute();

  test('sign out on every worker at once, and a copy of the cookie is worth nothing', async () => {
    const ada = new Console();
    await ada.signIn('Ada');
    expect(await ada.status()).toBe(200);
    const copy = new Console();
    for (const [name, value] of ada.cookies) copy.cookies.set(name, value);
    expect(await copy.status()).toBe(200);
    expect((await ada.send('/jobs/sign-out', {})).status).toBe(303);
    expect(ada.cookies.has('__Host-operator')).toBe(false);
    expect([await ada.status(), await copy.status()]).toEqual([401, 401]);
    // Twice is signed out as well.
    expect((await ada.send('/jobs/sign-out', {})).status).toBe(401);
  });

  test('are signed out after 30 idle minutes, and after 8 hours at work', async () => {
    for (const [column, minutes, expected] of [
      ['last_seen_at', 29, 200],
      ['last_seen_at', 31, 401],
      ['created_at', 8 * 60 - 1, 200],
      ['created_at', 8 * 60 + 1, 401],
    ] as const) {
      const ada = new Console();
      await ada.signIn('Idle');
      const back = new Date(Date.now() - minutes * 60_000);
      const { db } = shop.deps;
      await db
        .updateTable('operator_sessions')
        .set({ [column]: back })
        .where('name', '=', 'Idle')
        .execute();
      // What the page asks for by itself is no use of it.
      await ada.send('/jobs/log', undefined, { 'Operator-Renewal': '1' });
      expect([column, minutes, await ada.status()]).toEqual([column, minutes, expected]);
      await db.deleteFrom('operator_sessions').where('name', '=', 'Idle').execute();
    }
  });

  test('see when and where they signed in before, and end the sessions of others', async () => {
    const [first, second] = [new Console(), new Console()];
    await first.send('/jobs', { name: 'Bob', password }, { 'User-Agent': 'Old Phone' });
    await second.signIn('bob');
    const { text } = await second.send('/jobs/you');
    expect(text).toMatch(/Last sign-in before this one: .*Old Phone/);
    const other = /name="session" value="([^"]+)"><button aria-label="Sign out Bob"/.exec(text)![1]!;
    expect((await second.you({ do: 'end', session: other })).text).toContain('Bob is signed out there');
    expect([await first.status(), await second.status()]).toEqual([401, 200]);
    expect((await second.send('/jobs/log')).text).toContain('operator Bob');
  });

  test('guess a password a hundred times an address, on all workers together', async () => {
    const wrong = async () => undefined;
    const workers = [createRateLimits(shop.deps), createRateLimits(shop.deps)];
    const tries = Array.from({ length: 130 }, (_, n) =>
      workers[n % 2]!.tryOperator({ address: '2001:db8:5:5::1', device: `device ${n}` }, wrong),
    );
    const let_ = (await Promise.allSettled(tries)).filter(({ status }) => status === 'fulfilled');
    expect(let_).toHaveLength(100);
    const other = { address: '2001:db8:5:6::1', device: 'device' };
    expect(await workers[0]!.tryOperator(other, async () => 'in')).toBe('in');
  });

  test('need a code once one of them has set up an app, and programs stay outside', async () => {
    const [ada, eve] = [new Console(), new Console()];
    await ada.signIn('Ada');
    await eve.signIn('Eve');
    const begun = await ada.you({ do: 'begin' });
    const secret = /<code>([A-Z2-7 ]+)<\/code>/.exec(begun.text)![1]!.replaceAll(' ', '');
    const again = await ada.you({ do: 'confirm', code: '000000' });
    expect([again.status, again.text]).toEqual([403, expect.stringContaining('authenticator app')]);
    const former = ada.cookies.get('__Host-operator');
    const on = await ada.you({ do: 'confirm', code: codeOf(secret) });
    const codes = [...on.text.matchAll(/<code>((?:[a-z2-9]{4}-?){4})<\/code>/g)].map(([, code]) => code!);
    expect(codes).toHaveLength(10);
    expect(ada.cookies.get('__Host-operator')).not.toBe(former);
    // Who came in by the password alone is out.
    expect([await ada.status(), await eve.status()]).toEqual([200, 401]);

    // Another worker, with the password alone.
    const stranger = new Console();
    const asked = await stranger.signIn('ada');
    expect([asked.status, stranger.cookies.size]).toEqual([200, 0]);
    expect(asked.text).not.toContain(password);
    expect(await stranger.status()).toBe(401);
    const ticket = ticketOf(asked.text);
    expect((await stranger.send('/jobs', { ticket, code: '000000' })).status).toBe(401);
    const code = codeOf(secret);
    expect((await stranger.send('/jobs', { ticket, code })).status).toBe(303);
    expect(await stranger.status()).toBe(200);
    // Each code once, and no name without a factor.
    expect((await new Console().signIn('Ada', { code })).status).toBe(401);
    expect((await new Console().signIn('Eve', { code: codeOf(secret) })).status).toBe(401);
    expect((await new Console().signIn('ADA', { code: codes[0]! })).status).toBe(303);
    expect((await new Console().signIn('ADA', { code: codes[0]! })).status).toBe(401);
    // A ticket holds five minutes.
    nowMs += 301_000;
    expect((await new Console().send('/jobs', { ticket, code: codeOf(secret) })).status).toBe(401);
    const basic = { headers: { Authorization: `Basic ${btoa(`operator:${password}`)}` } };
    expect((await fresh().request('/jobs', basic)).status).toBe(401);
    expect(JSON.stringify(await countFactors())).not.toContain(secret);

    // Ada lets Eve in, who then has ten guesses and no more.
    expect((await ada.you({ do: 'admit', name: 'Eve', code: '000000' })).status).toBe(403);
    const admitted = await ada.you({ do: 'admit', name: 'Eve', code: codeOf(secret) });
    const evesCode = /once.*<code>([a-z2-9-]+)<\/code>/.exec(admitted.text)![1]!;
    const worker = fresh();
    expect((await new Console(worker).signIn('Eve', { code: evesCode })).status).toBe(303);
    const statuses: number[] = [];
    for (let n = 0; n < 12; n++)
      statuses.push((await new Console(worker).signIn('Eve', { code: `11111${n % 10}` })).status);
    expect(statuses.slice(9)).toEqual([401, 429, 429]);

    // A lost factor is replaced from the command line: what there was is worth nothing.
    const lost = await admitOperator(shop.deps.db, { by: 'the command line', name: 'Ada' });
    expect(await ada.status()).toBe(401);
    expect((await new Console().signIn('Ada', { code: codeOf(secret) })).status).toBe(401);
    expect((await new Console().signIn('Ada', { code: codes[1]! })).status).toBe(401);
    expect((await new Console().signIn('Ada', { code: lost })).status).toBe(303);
    await shop.deps.db.deleteFrom('operators').execute();
    expect((await fresh().request('/jobs', basic)).status).toBe(200);
  });

  test('are offered passkeys at the one address that these are made for, and told of it elsewhere', async () => {
    const { db } = shop.deps;
    for (const [workerUrl, isOffered] of [
      ['http://localhost', true],
      ['https://operators.example.com', false],
    ] as const) {
      const settings = { ...shop.deps.settings, workerUrl };
      const ada = new Console(createDashboard({ settings, db, ...jobs, health: new Health() }));
      await ada.signIn('Ada');
      const { text } = await ada.send('/jobs/you');
      expect([text.includes('data-passkey='), text.includes(`${workerUrl}</a>`)]).toEqual([
        isOffered,
        !isOffered,
      ]);
      const script = await ada.send('/jobs/passkeys.js');
      expect([script.status, script.text]).toEqual([200, expect.stringContaining('navigator.credentials')]);
      expect((await ada.you({ do: 'add-passkey', passkey: '{"id":"x"}' })).status).toBe(403);
    }
    expect(offersPasskeys({ workerUrl: 'http://[::1]:1' }, new Request('http://[::1]:1'))).toBe(false);
    expect(await countFactors()).toEqual([]);
  });

  test('answer no challenge that was made for something else, by another key, or long ago', () => {
    const party = { url: 'http://localhost', name: 'x', cookieKeys: ['first', 'second'], now: () => 0 };
    const { challenge } = entryOptions(party, 'operator') as { challenge: string };
    expect(isOurChallenge(party, 'operator', challenge)).toBe(true);
    expect(isOurChallenge({ ...party, cookieKeys: ['new', 'first'] }, 'operator', challenge)).toBe(true);
    const others: [RelyingParty, Purpose][] = [
      [party, 'enter'],
      [party, { registerOperator: 'ada' }],
      [{ ...party, cookieKeys: ['second'] }, 'operator'],
      [{ ...party, now: () => 600_001 }, 'operator'],
    ];
    for (const [other, purpose] of others) expect(isOurChallenge(other, purpose, challenge)).toBe(false);
    expect(isOurChallenge(party, 'operator', `${challenge}AAAA`)).toBe(false);
  });

  test('whose factor is lost, and staff whose factor is lost, are helped by the command line', async () => {
    const { db, settings } = shop.deps;
    const staff = await shop.staff();
    const { body } = await staff.post('/api/account/second-factor', { password: staffAccount.password });
    await staff.put('/api/account/second-factor', { code: new TOTP({ secret: body.secret }).generate() });
    const run = async (...words: string[]) => {
      const told: string[] = [];
      const log = vi.spyOn(console, 'log').mockImplementation((line) => told.push(line));
      await accessCommand({ DATABASE_URL: settings.databaseUrl })
        .parseAsync(words, { from: 'user' })
        .finally(() => log.mockRestore());
      return told.join('\n');
    };
    const code = /the code (\S+)/.exec(await run('admit', ' Zoë '))![1]!;
    expect(await run('list')).toMatch(
      /operator Zoë: no app, 0 passkeys, 1 recovery codes left\nowner .*: second/,
    );
    expect((await new Console().signIn('ZOË', { code })).status).toBe(303);
    expect((await new Console().signIn('Zoë', { code })).status).toBe(401);
    await run('remove', 'zoë');
    await expect(run('remove', 'zoë')).rejects.toThrow('Cannot find');
    await expect(run('reset-staff', 'nobody@example.com')).rejects.toThrow('Cannot find');
    await run('reset-staff', staffAccount.email.toUpperCase());
    const entered = await shop.browser().post('/api/sessions', staffAccount);
    expect(entered.status).toBe(201);
    const audit = await db.selectFrom('staff_changes').select(['who', 'after']).execute();
    expect(audit).toContainEqual({ who: 'the command line', after: { secondFactor: 'reset' } });
  });

  test('reach nothing but the page that sets a factor up where the shop requires one', async () => {
    const { db } = shop.deps;
    const settings = { ...shop.deps.settings, staffSecondFactor: true };
    const strict = createDashboard({ settings, db, ...jobs, health: new Health(), now: () => nowMs });
    const ada = new Console(strict);
    await ada.signIn('Ada');
    const away = await ada.send('/jobs/log');
    expect([away.status, away.headers.get('Location')]).toEqual([303, '/jobs/you']);
    expect((await ada.send('/jobs/tasks', { task: 'forget ended sessions' })).status).toBe(303);
    const begun = await ada.you({ do: 'begin' });
    const secret = /<code>([A-Z2-7 ]+)<\/code>/.exec(begun.text)![1]!.replaceAll(' ', '');
    await ada.you({ do: 'confirm', code: codeOf(secret) });
    expect(await ada.status()).toBe(200);
    expect((await ada.you({ do: 'remove', code: codeOf(secret) })).status).toBe(409);
    await db.deleteFrom('operators').execute();
  });
});
