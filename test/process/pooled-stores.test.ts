// Stores behind one address: pgbouncer in transaction mode, and a Redis cluster. They work, or a sentence names the
// missing setting.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { findFreePort } from '../../ops-scripts/local/ports.ts';
import { withPostgres } from '../../ops-scripts/local/postgres.ts';
import { withRedis } from '../../ops-scripts/local/redis.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { startRedis } from '../support/stores.ts';
import { findProgram } from '../support/system-packages.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop[Symbol.asyncDispose]());

interface Origin extends AsyncDisposable {
  url: string;
  warnings(): string[];
}

async function startOrigin(env: Record<string, string>): Promise<Origin> {
  const port = await findFreePort();
  const lines: { level: number; msg: string }[] = [];
  const child = spawn(process.execPath, ['origin/main.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: shop.deps.settings.databaseUrl,
      REDIS_URL: shop.deps.settings.redisUrls.join(','),
      COOKIE_KEYS: 'a-key-of-the-tests-with-32-letters',
      PORT: String(port),
      ...env,
    },
  });
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), { timeout: 30_000 });
  return {
    url,
    warnings: () => lines.filter(({ level }) => level >= 40).map(({ msg }) => msg),
    [Symbol.asyncDispose]: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Buys twice, because the second order may meet the first one's state in a shared session. */
async function buyTwice(url: string): Promise<void> {
  for (const attempt of ['first', 'second']) {
    const post = (path: string, body: unknown, cookie: string) =>
      fetch(url + path, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'idempotency-key': `${url}-${attempt}-${path}`,
          cookie,
        },
        body: JSON.stringify(body),
      });
    const added = await post('/api/cart/lines', { variantId: shop.variants[0]!.id, quantity: 1 }, '');
    expect(await added.json()).toMatchObject({ count: 1, durability: 'committed' });
    const cookie = added.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ');
    const order = await post(
      '/api/orders',
      {
        email: 'p@example.com',
        shippingAddress: { name: 'P', line1: '1 Lane', city: 'Berlin', postalCode: '10115', country: 'DE' },
        payment: { provider: 'demo' },
      },
      cookie,
    );
    expect(await order.json()).toMatchObject({ payment: { status: 'paid' } });
  }
}

describe.skipIf(findProgram('pgbouncer') === undefined)('pgbouncer in transaction mode', () => {
  async function startPgbouncer(more: string) {
    const folder = await mkdtempDisposable(join(tmpdir(), 'pgbouncer-'));
    const port = await findFreePort();
    const {
      hostname,
      port: serverPort,
      username,
      password,
      pathname,
    } = new URL(shop.deps.settings.databaseUrl);
    const file = join(folder.path, 'pgbouncer.ini');
    writeFileSync(
      file,
      `[databases]
* = host=${hostname} port=${serverPort} user=${username} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
${more}
`,
    );
    // pgbouncer refuses to run as root.
    for (const path of [folder.path, file]) chmodSync(path, 0o755);
    const as = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    const child = spawn(findProgram('pgbouncer')!, [...as, file], { stdio: 'ignore' });
    const url = `postgres://shop:hush@127.0.0.1:${port}${pathname}`;
    return {
      url,
      [Symbol.asyncDispose]: async () => {
        await end(child);
        await folder.remove();
      },
    };
  }

  test('serves carts and orders', async () => {
    const ignored = 'extra_float_digits, options, statement_timeout, idle_in_transaction_session_timeout';
    await using pooled = await startPgbouncer(`ignore_startup_parameters = ${ignored}`);
    await vi.waitFor(() => withPostgres(pooled.url, (client) => client.query('select 1')), {
      timeout: 10_000,
    });
    await using origin = await startOrigin({ DATABASE_URL: pooled.url });
    await buyTwice(origin.url);
    expect(origin.warnings()).toEqual([]);
  });

  test('that refuses what a session asks is told its missing setting', async () => {
    await using pooled = await startPgbouncer('');
    await using origin = await startOrigin({ DATABASE_URL: pooled.url });
    await vi.waitFor(() => expect(origin.warnings()).toHaveLength(1), { timeout: 20_000, interval: 100 });
    expect(origin.warnings()[0]).toMatch(
      /^Cannot reach Postgres at .*: pgbouncer .*set ignore_startup_parameters = /,
    );
  });
});

describe('one address of a cluster of Redis', () => {
  async function startCluster() {
    const server = await startRedis({ 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' });
    await withRedis(server.url, (redis) => redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383'));
    await vi.waitFor(
      async () => {
        const state = await withRedis(server.url, (redis) => redis.call('CLUSTER', 'INFO'));
        expect(String(state)).toContain('cluster_state:ok');
      },
      { timeout: 10_000 },
    );
    return server;
  }

  test('serves carts and orders where REDIS_CLUSTER is on', async () => {
    await using cluster = await startCluster();
    await using origin = await startOrigin({ REDIS_URL: cluster.url, REDIS_CLUSTER: 'on' });
    await buyTwice(origin.url);
    expect(await withRedis(cluster.url, (redis) => redis.dbsize())).toBeGreaterThan(0);
    expect(origin.warnings()).toEqual([]);
  });

  test('is told its missing setting where REDIS_CLUSTER is off', async () => {
    await using cluster = await startCluster();
    await using origin = await startOrigin({ REDIS_URL: cluster.url });
    await vi.waitFor(() => expect(origin.warnings()).toHaveLength(1), { timeout: 20_000, interval: 100 });
    expect(origin.warnings()[0]).toMatch(
      /^Cannot reach Redis at .*: it is a cluster; set REDIS_CLUSTER to on$/,
    );
  });
});
