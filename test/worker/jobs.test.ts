import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, test } from 'vitest';
import { addToOutbox } from '../../origin/outbox/events.ts';
import { startJobs } from '../../worker/jobs.ts';
import { openShop, type Shop } from '../support/shop.ts';

const wait = { timeout: 20_000, interval: 50 };

const mailTo = (shop: Shop, to: string) =>
  shop.deps.db
    .transaction()
    .execute((tx) => addToOutbox(tx, 'mail', { to, template: 'password-reset', data: {} }));
const stateOf = async (shop: Shop, id: string) =>
  (await shop.deps.db.selectFrom('outbox').select('state').where('id', '=', id).executeTakeFirstOrThrow())
    .state;

// They wait more than they work, each with stores of its own, and so all at once.
describe.concurrent('work that was written down', () => {
  test('is done when the worker comes later than the work', async ({ expect }) => {
    await using shop = await openShop();
    await shop.browser().signUp('late@example.com');
    const { id } = await mailTo(shop, 'late@example.com');
    const jobs = startJobs(shop.deps);
    await expect.poll(() => stateOf(shop, id), wait).toBe('done');
    await jobs.stop();
    expect(await readdir(join(shop.dataDir, 'mail'))).toEqual([`${id}.eml`]);
  });

  test('is done while Redis is away, by the sweeper', async ({ expect }) => {
    await using shop = await openShop({ worker: true });
    await shop.browser().signUp('no-redis@example.com');
    process.kill(shop.redis.pid, 'SIGKILL');
    const { id } = await mailTo(shop, 'no-redis@example.com');
    await expect.poll(() => stateOf(shop, id), wait).toBe('done');
  });

  test('is done after Redis was emptied with the job in its queue', async ({ expect }) => {
    await using shop = await openShop({ env: { RATE_LIMITS: 'off' } });
    await shop.browser().signUp('flushed@example.com');
    const jobs = startJobs(shop.deps);
    const admin = new Redis(shop.redis.url);
    const ids: string[] = [];
    for (let n = 0; n < 20; n++) ids.push((await mailTo(shop, 'flushed@example.com')).id);
    await admin.flushall();
    await expect
      .poll(
        async () =>
          (await Promise.all(ids.map((id) => stateOf(shop, id)))).every((state) => state === 'done'),
        wait,
      )
      .toBe(true);
    admin.disconnect();
    await jobs.stop();
    expect((await readdir(join(shop.dataDir, 'mail'))).length).toBe(20);
  });

  test('is done once, although workers are killed in the midst of it', async ({ expect }) => {
    await using shop = await openShop({ env: { RATE_LIMITS: 'off' } });
    await shop.browser().signUp('killed@example.com');
    const ids: string[] = [];
    for (let n = 0; n < 60; n++) ids.push((await mailTo(shop, 'killed@example.com')).id);
    for (let life = 0; life < 2; life++) {
      const worker = spawnWorker(shop);
      await expect.poll(() => countDone(shop, ids), wait).toBeGreaterThan(life * 10);
      worker.kill('SIGKILL');
      await once(worker, 'exit');
    }
    const worker = spawnWorker(shop);
    await expect.poll(() => countDone(shop, ids), { timeout: 40_000, interval: 100 }).toBe(60);
    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([0, null]);
    const mails = await readdir(join(shop.dataDir, 'mail'));
    expect(mails.filter((name) => name.endsWith('.eml')).sort()).toEqual(ids.map((id) => `${id}.eml`).sort());
  });

  test('that cannot be done is tried again with growing pauses and then set aside with its reason', async ({
    expect,
  }) => {
    await using shop = await openShop({ worker: true });
    const { id } = await shop.deps.db
      .transaction()
      .execute((tx) =>
        addToOutbox(tx, 'mail', { to: 'x@example.com', template: 'no-such-template', data: {} }),
      );
    const row = () =>
      shop.deps.db
        .selectFrom('outbox')
        .select(['state', 'attempt', 'failure'])
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
    await expect.poll(async () => (await row()).attempt, wait).toBeGreaterThan(1);
    expect(await row()).toMatchObject({
      state: 'pending',
      failure: expect.stringContaining('no-such-template'),
    });
    await shop.deps.db
      .updateTable('outbox')
      .set({ failures: 11, claimed_until: new Date(0) })
      .where('id', '=', id)
      .execute();
    await expect.poll(async () => (await row()).state, wait).toBe('dead');
  });
});

function spawnWorker(shop: Shop) {
  const { settings } = shop.deps;
  return spawn(process.execPath, ['worker/main.ts'], {
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: settings.databaseUrl,
      REDIS_URL: settings.redisUrls.join(','),
      COOKIE_KEYS: settings.cookieKeys.join(','),
      DATA_DIR: shop.dataDir,
      WORKER_PORT: '0',
      RATE_LIMITS: 'off',
      LOG_LEVEL: 'silent',
    },
  });
}

async function countDone(shop: Shop, ids: string[]): Promise<number> {
  const { count } = await shop.deps.db
    .selectFrom('outbox')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('id', 'in', ids)
    .where('state', '=', 'done')
    .executeTakeFirstOrThrow();
  return Number(count);
}
