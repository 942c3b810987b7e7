import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Db } from '../../origin/postgres/database.ts';
import { buildSearchIndex } from '../../origin/postgres/migrations/0009-search-terms.ts';
import { aProduct, openCatalog, saveAll } from './open-catalog.ts';

test('the index of searches is made beside a serving shop, and is the one that the migration makes', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, [aProduct('a')]);
  const before = await readIndex(catalog.db);
  await sql`drop index products_search_terms`.execute(catalog.db);
  await buildSearchIndex(catalog.db);
  expect(await readIndex(catalog.db)).toEqual(before);
  await buildSearchIndex(catalog.db);
  expect(await readIndex(catalog.db)).toEqual(before);
});

test('what was left of an index that was cut off is replaced', async () => {
  await using catalog = await openCatalog();
  await sql`update pg_index set indisvalid = false where indexrelid = 'products_search_terms'::regclass`.execute(
    catalog.db,
  );
  await buildSearchIndex(catalog.db);
  expect((await readIndex(catalog.db)).valid).toBe(true);
});

async function readIndex(db: Db): Promise<{ definition: string; valid: boolean }> {
  const { rows } = await sql<{ definition: string; valid: boolean }>`
    select pg_get_indexdef(indexrelid) as definition, indisvalid as valid
    from pg_index where indexrelid = to_regclass('products_search_terms')`.execute(db);
  return rows[0]!;
}
