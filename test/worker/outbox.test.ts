import { describe, expect, test } from 'vitest';
import { dropJobs } from '../../origin/outbox/change-jobs.ts';
import { addToOutbox } from '../../origin/outbox/events.ts';
import { listJobs } from '../../origin/outbox/find-jobs.ts';
import { startJobs } from '../../worker/jobs.ts';
import { runProgram } from '../support/run-program.ts';
import { openShop, type Shop } from '../support/shop.ts';

const wait = { timeout: 30_000, interval: 50 };

const rowOf = (shop: Shop, id: string) =>
  shop.deps.db
    .selectFrom('outbox')
    .select(['state', 'failures', 'attempt', 'failure'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
const stateOf = async (shop: Shop, id: string) => (await rowOf(shop, id)).state;
const invalidate = (shop: Shop, tags: Record<string, number>) =>
  shop.deps.db.transaction().execute((tx) => addToOutbox(tx, 'invalidate', { tags }));

describe('the outbox', () => {
  test('does work that was committed late, although work with a higher id is long done', async () => {
    await using shop = await openShop({ worker: true });
    const early = await shop.deps.db.transaction().execute(async (tx) => {
      const row = await addToOutbox(tx, 'invalidate', { tags: { 'product:1': 1 } });
      const later = await invalidate(shop, { 'product:2': 1 });
      expect(Number(later.id)).toBeGreaterThan(Number(row.id));
      await expect.poll(() => stateOf(shop, later.id), wait).toBe('done');
      return row;
    });
    await expect.poll(() => stateOf(shop, early.id), wait).toBe('done');
  });

  test('holds no outage against a change: it is tried until Redis is back, and then done', async () => {
    await using shop = await openShop({ worker: true });
    process.kill(shop.redis.pid, 'SIGKILL');
    const { id } = await invalidate(shop, { 'product:1': 1 });
    await expect.poll(async () => (await rowOf(shop, id)).attempt, wait).toBeGreaterThan(4);
    expect(await rowOf(shop, id)).toMatchObject({
      state: 'pending',
      failures: 0,
      failure: expect.stringContaining('Redis'),
    });
    await using _again = await shop.redis.restart();
    await expect.poll(() => stateOf(shop, id), wait).toBe('done');
  });

  test('sets aside what can never be done, with its reason, counts it for the alarm, and lets operators drop it', async () => {
    await using shop = await openShop();
    const jobs = startJobs(shop.deps);
    const { id } = await invalidate(shop, { 'nobody:1': 1 });
    await shop.deps.db.updateTable('outbox').set({ failures: 11 }).where('id', '=', id).execute();
    await expect.poll(() => stateOf(shop, id), wait).toBe('dead');
    expect(await jobs.metrics.registry.metrics()).toMatch(/^outbox_dead_letters 1$/m);
    expect(await listJobs(shop.deps.db, { state: 'dead' }, { limit: 10 })).toMatchObject([
      { id, kind: 'invalidate', failure: expect.stringContaining("'nobody:1'") },
    ]);
    const env = { DATABASE_URL: shop.deps.settings.databaseUrl };
    await using command = runProgram('ops-scripts/main.ts', ['jobs', 'drop', id], env);
    expect(await command.exitCode).toBe(0);
    expect(command.output()).toContain('1 job dropped');
    expect(await jobs.metrics.registry.metrics()).toMatch(/^outbox_dead_letters 0$/m);
    await jobs.stop();
  });

  test('drops nothing that is still to be done', async () => {
    await using shop = await openShop();
    const { id } = await invalidate(shop, { 'product:1': 1 });
    const dropped = await dropJobs(shop.deps.db, { who: 'test', filter: { ids: [id] } });
    expect(dropped.changed).toBe(0);
    expect(await stateOf(shop, id)).toBe('pending');
  });

  test('tells how long it took from a change until it was done', async () => {
    await using shop = await openShop();
    const jobs = startJobs(shop.deps);
    const { id } = await invalidate(shop, { 'product:1': 1 });
    await expect.poll(() => stateOf(shop, id), wait).toBe('done');
    await expect
      .poll(() => jobs.metrics.registry.metrics(), wait)
      .toMatch(/^invalidation_seconds_count [1-9]/m);
    await jobs.stop();
  });
});
