import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { findFreePort } from '../../ops-scripts/local/ports.ts';
import { openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop[Symbol.asyncDispose]());

const runtimes = ['node', 'deno'] as const;
type Runtime = (typeof runtimes)[number];

/** Mails are written here, so that they do not reach the developer's own shop. */
const dataDir = mkdtempSync(join(tmpdir(), 'runtimes-'));
afterAll(() => rmSync(dataDir, { recursive: true }));

/** The command of README for each runtime. */
function commandOf(runtime: Runtime, part: 'origin' | 'worker'): string[] {
  const command = runtime === 'node' ? `node ${part}/main.ts` : `deno task ${part}`;
  expect(readFileSync('README.md', 'utf8')).toContain(`\`${command}\``);
  return command.split(' ');
}

async function boot(
  runtime: Runtime,
  part: 'origin' | 'worker',
): Promise<{ child: ChildProcess; url: string }> {
  const port = await findFreePort();
  const [command, ...args] = commandOf(runtime, part);
  const child = spawn(command!, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DATABASE_URL: shop.deps.settings.databaseUrl,
      REDIS_URL: shop.deps.settings.redisUrls.join(','),
      COOKIE_KEYS: shop.deps.settings.cookieKeys.join(','),
      OPERATOR_PASSWORD: 'a-password-of-operators',
      DATA_DIR: dataDir,
      LOG_LEVEL: 'warn',
      [part === 'origin' ? 'PORT' : 'WORKER_PORT']: String(port),
    },
  });
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), {
    timeout: 30_000,
    interval: 50,
  });
  return { child, url };
}

describe.each(runtimes)('under %s', (runtime) => {
  test('the origin serves shopping and sign-up, and exits with 0 after its requests', async () => {
    const { child, url } = await boot(runtime, 'origin');
    const page = await fetch(`${url}/p/${shop.slug}`, { headers: { 'accept-encoding': 'br' } });
    expect([page.status, page.headers.get('content-encoding')]).toEqual([200, 'br']);
    const cookies = new Map<string, string>();
    const post = async (path: string, body: unknown, key: string) => {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'idempotency-key': key,
          cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        },
        body: JSON.stringify(body),
      });
      for (const line of response.headers.getSetCookie()) {
        const [name = '', value = ''] = line.split(';')[0]!.split(/=(.*)/s);
        cookies.set(name, value);
      }
      return response;
    };
    const cart = await post(
      '/api/cart/lines',
      { variantId: shop.variants[0]!.id, quantity: 2 },
      `${runtime}-add`,
    );
    expect(await cart.json()).toMatchObject({ count: 2, durability: 'committed' });
    const account = { email: `${runtime}@example.com`, password: 'a-password-of-tests', name: 'R. Untime' };
    expect((await post('/api/accounts', account, `${runtime}-sign-up`)).status).toBe(201);
    const order = await post(
      '/api/orders',
      {
        email: account.email,
        shippingAddress: { name: 'R', line1: '1 Lane', city: 'Dublin', postalCode: 'D01', country: 'IE' },
        payment: { provider: 'demo' },
      },
      `${runtime}-order`,
    );
    expect(await order.json()).toMatchObject({ payment: { status: 'paid' } });
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('the worker shows its figures to operators and ends with 0', async () => {
    const { child, url } = await boot(runtime, 'worker');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    for (const name of [
      'jobs_waiting',
      'job_oldest_waiting_seconds',
      'jobs_failed_total',
      'outbox_lag_seconds',
      'job_duration_seconds',
    ]) {
      expect(metrics).toContain(name);
    }
    expect(metrics.trimEnd().endsWith('# EOF')).toBe(true);
    expect((await fetch(`${url}/jobs`)).status).toBe(401);
    const operator = { authorization: `Basic ${btoa('operator:a-password-of-operators')}` };
    for (const path of ['/jobs', '/jobs/board']) {
      const page = await fetch(url + path, { headers: operator });
      expect(page.status).toBe(200);
      expect(page.headers.get('cache-control')).toBe('private, no-store');
      expect(page.headers.get('content-security-policy')).toMatch(/script-src 'self';.*frame-ancestors/);
    }
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

describe('a drained origin', () => {
  test('is not ready from the first moment, serves what still comes, and lets what runs come to its end', async () => {
    const { child, url } = await boot('node', 'origin');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(503), {
      timeout: 2_000,
      interval: 5,
    });
    const statuses: number[] = [];
    for (let request = 0; request < 5; request++)
      statuses.push((await fetch(`${url}/p/${shop.slug}`)).status);
    expect(statuses).toEqual(Array(5).fill(200));
    expect(await exit).toEqual([0, null]);
  });
});
