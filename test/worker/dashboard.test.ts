// The operators' dashboard to whoever is not let in: every answer bears the usual headers, a program is asked for
// Basic, a browser is shown the form.
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Health } from '../../origin/web/serving/health.ts';
import { createDashboard } from '../../worker/dashboard.ts';
import { type Jobs, startJobs } from '../../worker/jobs.ts';
import { openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let jobs: Jobs;
let dashboard: Hono;
beforeAll(async () => {
  shop = await openShop();
  jobs = startJobs(shop.deps);
  const { settings, db } = shop.deps;
  dashboard = createDashboard({ settings, db, ...jobs, health: new Health() });
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
