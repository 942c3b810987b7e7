// Each process logs once, in one sentence, why a store is unreachable, and counts it as down. A healthy start logs no
// warning.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { findFreePort } from '../../ops-scripts/local/ports.ts';
import { withPostgres } from '../../ops-scripts/local/postgres.ts';
import { withRedis } from '../../ops-scripts/local/redis.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { type PrivateStore, startRedis } from '../support/stores.ts';

let shop: Shop;
let redis: PrivateStore;
beforeAll(async () => {
  [shop, redis] = await Promise.all([openShop(), startRedis()]);
  await withRedis(redis.url, (admin) =>
    admin.call('ACL', 'SETUSER', 'reader', 'on', '>hush', '~*', '&*', '+@read', '+@connection', '+info'),
  );
});
afterAll(async () => {
  await shop[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

interface Part extends AsyncDisposable {
  /** Lines of level warn and above. */
  warnings(): string[];
  /** Services and instances that its log lines name. */
  names(): string[];
  metrics(): Promise<string>;
}

const parts = ['origin', 'worker'] as const;
const longEnoughMs = 8_000;

async function start(part: (typeof parts)[number], env: Record<string, string>): Promise<Part> {
  const [port, metricsPort] = [await findFreePort(), await findFreePort()];
  const lines: { level: number; msg: string; service: string; instance: string }[] = [];
  const child: ChildProcess = spawn(process.execPath, [`${part}/main.ts`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: shop.deps.settings.databaseUrl,
      REDIS_URL: redis.url,
      COOKIE_KEYS: 'a-key-of-the-tests-with-32-letters',
      ...env,
      ...(part === 'origin'
        ? { PORT: String(port), METRICS_PORT: String(metricsPort) }
        : { WORKER_PORT: String(port) }),
    },
  });
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(JSON.parse(line)));
  const metricsUrl = `http://127.0.0.1:${part === 'origin' ? metricsPort : port}/metrics`;
  return {
    warnings: () => lines.filter(({ level }) => level >= 40).map(({ msg }) => msg),
    names: () => [...new Set(lines.map(({ service, instance }) => `${service} ${instance}`))],
    metrics: async () => (await fetch(metricsUrl)).text(),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    },
  };
}

const elsewhere = (url: string, change: (url: URL) => void) => {
  const changed = new URL(url);
  change(changed);
  return changed.href;
};

const faults: [
  what: string,
  store: 'postgres' | 'redis',
  env: () => Record<string, string>,
  reason: string,
][] = [
  [
    'the password of Postgres is wrong',
    'postgres',
    () => ({
      DATABASE_URL: elsewhere(shop.deps.settings.databaseUrl, (url) => {
        url.password = 'hush';
      }),
    }),
    'user or password refused',
  ],
  [
    'the database is not there',
    'postgres',
    () => ({
      DATABASE_URL: elsewhere(shop.deps.settings.databaseUrl, (url) => {
        url.pathname = '/nothing';
      }),
    }),
    'there is no such database',
  ],
  [
    'nobody listens at the port of Postgres',
    'postgres',
    () => ({ DATABASE_URL: 'postgres://shop:hush@127.0.0.1:9/shop' }),
    'connection refused',
  ],
  [
    'Postgres speaks no TLS',
    'postgres',
    () => ({ DATABASE_URL: `${shop.deps.settings.databaseUrl}?sslmode=require` }),
    'it does not speak TLS',
  ],
  [
    'the password of Redis is wrong',
    'redis',
    () => ({
      REDIS_URL: elsewhere(redis.url, (url) => {
        url.password = 'hush';
      }),
    }),
    'user or password refused',
  ],
  [
    'a password of Redis is missing',
    'redis',
    () => ({
      REDIS_URL: elsewhere(redis.url, (url) => {
        url.password = '';
      }),
    }),
    'user or password refused',
  ],
  [
    'nobody listens at the port of Redis',
    'redis',
    () => ({ REDIS_URL: 'redis://:hush@127.0.0.1:9' }),
    'connection refused',
  ],
  [
    'the user of Redis may only read',
    'redis',
    () => ({
      REDIS_URL: elsewhere(redis.url, (url) => {
        url.username = 'reader';
        url.password = 'hush';
      }),
    }),
    'this user has not the rights that it needs',
  ],
];

/** The worker has the same watch, and timed tasks that repeat. */
const tried = parts.flatMap((part) =>
  faults
    .filter(([, , , reason], index) => part === 'origin' || reason === 'connection refused' || index === 4)
    .map(([what, ...rest]) => [part, what, ...rest] as const),
);

test.concurrent.each(tried)(
  'The %s tells once that %s, and counts the store as away',
  { timeout: 60_000 },
  async (part, _what, store, env, reason) => {
    await using process = await start(part, env());
    await vi.waitFor(() => expect(process.warnings()).toHaveLength(1), { timeout: 30_000 });
    // Long enough for every timed task to run several times.
    await new Promise((resolve) => setTimeout(resolve, longEnoughMs));
    const name = store === 'postgres' ? 'Postgres' : 'Redis';
    expect(process.warnings()).toEqual([
      expect.stringMatching(new RegExp(`^Cannot reach ${name} at [\\w.]+:\\d+: ${reason}$`)),
    ]);
    expect(process.warnings().join()).not.toContain('hush');
    const metrics = await process.metrics();
    expect(metrics).toContain(`store_up{store="${store}"} 0`);
    expect(metrics).toContain(`store_up{store="${store === 'redis' ? 'postgres' : 'redis'}"} 1`);
  },
);

test.each(parts)(
  'A healthy start of the %s warns of nothing, counts both stores as up, and logs under its own name',
  async (part) => {
    await withPostgres(shop.deps.settings.databaseUrl, (client) => client.query('select 1'));
    await using process = await start(part, {});
    await vi.waitFor(
      async () => expect((await process.metrics()).match(/^store_up\{.*\} 1$/gm)).toHaveLength(2),
      {
        timeout: 30_000,
      },
    );
    expect(process.warnings()).toEqual([]);
    expect(process.names()).toEqual([`${part} ${part}-1`]);
  },
);
