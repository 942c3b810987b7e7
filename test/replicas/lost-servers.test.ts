import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freeze, wake } from '../../ops-scripts/drills/faults/slow-and-frozen.ts';
import { withPostgres } from '../../ops-scripts/local/postgres.ts';
import { openReplicatedShop, type ReplicatedShop } from './replicated-shop.ts';

let world: ReplicatedShop;
beforeAll(async () => {
  world = await openReplicatedShop();
  await world.shop.browser().get('/api/categories');
  await world.fit(2);
});
afterAll(() => world[Symbol.asyncDispose]());

const lists = (count: number, round: number) =>
  Array.from({ length: count }, (_, index) => `/api/products?max=${1_000_000 * round + index}`);
/** Four at a time. */
const statuses = async (paths: string[]) => {
  const all: number[] = [];
  for (let at = 0; at < paths.length; at += 4) {
    const answers = await Promise.all(paths.slice(at, at + 4).map((path) => world.shop.app.request(path)));
    all.push(...answers.map(({ status }) => status));
  }
  return all;
};
const allOk = (count: number) => Array(count).fill(200);

// One after the other on one shop: what is lost in one is lost in the next.
describe('browsing goes on', () => {
  test('when a replica is killed under it: its reads are tried on the other', async () => {
    const [first] = world.postgres.replicas;
    const browsing = statuses(lists(12, 1));
    await world.postgres.kill(first!);
    expect(await browsing).toEqual(allOk(12));
    expect(await statuses(lists(8, 2))).toEqual(allOk(8));
    await world.fit(1);
  });

  test('when a replica is frozen: what waited for it is tried elsewhere, and it is left out', async () => {
    const [, second] = world.postgres.replicas;
    freeze(second!.server!);
    expect(await statuses(lists(4, 3))).toEqual(allOk(4));
    await world.fit(0);
    wake(second!.server!);
    await world.fit(1);
  });

  test('from the primary when no replica is left, and a killed one is read again when it is back', async () => {
    const [first, second] = world.postgres.replicas;
    await world.postgres.kill(second!);
    const before = await world.metric('reads_total', { source: 'primary' });
    expect(await statuses(lists(5, 4))).toEqual(allOk(5));
    expect(await world.metric('reads_total', { source: 'primary' })).toBe(before + 5);
    await world.postgres.start(first!);
    await world.fit(1);
  });

  test('and cannot take more than its share of the primary: signing up works while it is stuck', async () => {
    const { postgres, shop } = world;
    await postgres.kill(postgres.replicas[0]!);
    await world.fit(0);
    await withPostgres(postgres.primary.url, async (admin) => {
      await admin.query('begin');
      await admin.query('lock table products in access exclusive mode');
      const stuck = Promise.all(lists(200, 5).map((path) => shop.app.request(path)));
      const signedUp = await shop.browser().signUp('unhurried@example.com');
      expect(signedUp.status).toBe(201);
      const { rows } = await admin.query(
        "select count(*)::int as taken from pg_stat_activity where application_name like '%browsing'",
      );
      expect(rows[0].taken).toBeLessThanOrEqual(6);
      const answers = await stuck;
      await admin.query('rollback');
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
      expect(answers.every(({ headers }) => Number(headers.get('Retry-After')) > 0)).toBe(true);
    });
  });

  test('from replicas when the primary is gone, also for what no cache has', async () => {
    const { postgres, shop } = world;
    const [first] = postgres.replicas;
    await postgres.start(first!);
    await world.fit(1);
    await shop.app.request('/p/plain-tee');
    await postgres.kill(postgres.primary);
    expect((await shop.app.request('/p/plain-tee')).status).toBe(200);
    expect((await shop.app.request('/p/wool-coat')).status).toBe(200);
    expect(await statuses(lists(6, 6))).toEqual(allOk(6));
  });

  test('without Redis as well, but no edge may store what nobody can tell the age of', async () => {
    const { shop } = world;
    const forEdges = async (path: string) => (await shop.app.request(path)).headers.get('CDN-Cache-Control');
    expect(await forEdges('/api/products?max=7654')).toContain('max-age');
    process.kill(shop.redis.pid, 'SIGKILL');
    await expect.poll(() => forEdges('/api/products?max=8765'), { timeout: 20_000 }).toBe('no-store');
  });
});
