// A process waits for its stores at start, runs on the schema of a later release, and keeps the settings of its pool.
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool } from '../../origin/postgres/database.ts';
import { isMigrated, migrateToLatest } from '../../origin/postgres/migrate.ts';
import { startWhenPossible } from '../../origin/start-and-stop.ts';
import { openCatalog } from '../catalog/open-catalog.ts';
import { createDatabase } from '../support/stores.ts';

const log = pino({ level: 'silent' });

test('a store that starts just after the process is waited for', async () => {
  let tries = 0;
  const work = startWhenPossible(log, 'prepare', async () => {
    tries += 1;
    if (tries < 4) throw new Error('connect ECONNREFUSED');
  });
  await work.soon;
  expect(tries).toBe(4);
});

test('a store that stays away, or never answers, is not waited for but retried', async () => {
  let tries = 0;
  const refused = startWhenPossible(log, 'prepare', async () => {
    tries += 1;
    throw new Error('connect ECONNREFUSED');
  });
  const silent = startWhenPossible(log, 'prepare', () => new Promise(() => undefined));
  await Promise.all([refused.soon, silent.soon]);
  const seen = tries;
  expect(seen).toBeGreaterThan(4);
  await expect.poll(() => tries, { timeout: 2_000 }).toBeGreaterThan(seen);
  refused.cancel();
  silent.cancel();
});

// A release may start on the schema of a later one, after a crash during a deployment or a rollback. It starts as
// usual.

test('has nothing to apply where a later release has migrated, and says that the schema is there', async () => {
  await using catalog = await openCatalog();
  await catalog.db
    .insertInto('kysely_migration' as never)
    .values({ name: '9999-next-release', timestamp: new Date().toISOString() } as never)
    .execute();
  expect(await migrateToLatest(catalog.db)).toEqual([]);
  expect(await isMigrated(catalog.db)).toBe(true);
});

test('refuses a schema that no single release made', async () => {
  await using catalog = await openCatalog();
  await catalog.db
    .updateTable('kysely_migration' as never)
    .set({ name: '0008-of-another-shop' } as never)
    .where('name' as never, '=', '0008-kept-assets' as never)
    .execute();
  expect(await isMigrated(catalog.db)).toBe(false);
  await expect(migrateToLatest(catalog.db)).rejects.toThrow('Cannot migrate the database');
});

// Session settings belong to the pool, so that an address is used as it was written.

const standing = new AsyncDisposableStack();
let url: string;
beforeAll(async () => {
  ({ url } = standing.use(await createDatabase()));
});
afterAll(() => standing.disposeAsync());

async function shown(name: string, options: { session?: Record<string, string> }): Promise<string> {
  const pool = createPool({ url, name: 'test', max: 1, ...options });
  const { rows } = await pool.query(`select current_setting('${name}') as value`);
  await pool.end();
  return rows[0].value;
}

test('a pool compiles no queries, whatever else its sessions are told', async () => {
  expect(await shown('jit', {})).toBe('off');
  const session = { enable_seqscan: 'off' };
  expect(await shown('jit', { session })).toBe('off');
  expect(await shown('enable_seqscan', { session })).toBe('off');
});
