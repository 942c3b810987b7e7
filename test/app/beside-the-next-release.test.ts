// A release that starts on the schema of a later one (one that crashed in the midst of a deploy, or a roll-back) starts
// as ever.
import { expect, test } from 'vitest';
import { isMigrated, migrateToLatest } from '../../origin/postgres/migrate.ts';
import { openCatalog } from '../catalog/open-catalog.ts';

test('has nothing to apply where a later release has migrated, and says that the schema is there', async () => {
  await using catalog = await openCatalog();
  await catalog.db
    .insertInto('kysely_migration' as never)
    .values({ name: '9999-next-release', timestamp: new Date().toISOString() } as never)
    .execute();
  expect(await migrateToLatest(catalog.db)).toEqual([]);
  expect(await isMigrated(catalog.db)).toBe(true);
});

test('refuses a schema of which neither release made all', async () => {
  await using catalog = await openCatalog();
  await catalog.db
    .updateTable('kysely_migration' as never)
    .set({ name: '0008-of-another-shop' } as never)
    .where('name' as never, '=', '0008-kept-assets' as never)
    .execute();
  expect(await isMigrated(catalog.db)).toBe(false);
  await expect(migrateToLatest(catalog.db)).rejects.toThrow('Cannot migrate the database');
});
