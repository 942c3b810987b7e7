import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { buildSearchIndex } from '../../origin/postgres/migrations/0009-0011-search-and-product-files.ts';
import { prepareSearch } from '../../origin/postgres/migrations/0012-search-normalised.ts';
import type { Db } from '../../origin/schema.ts';
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

test('columns, rows and indexes of the normalised search are made beside a serving shop, and are those that the migration makes', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, [aProduct('a', { name: 'Levi’s® Jeans' }), aProduct('b')]);
  const before = await readSearchState(catalog.db);
  expect(before.vectors).toHaveLength(2);
  await sql`drop index products_search_blocks, products_by_title`.execute(catalog.db);
  await sql`drop trigger products_describe_for_search on products`.execute(catalog.db);
  await sql`alter table products drop column search_vector, drop column title_key, drop column skus`.execute(
    catalog.db,
  );
  for (const time of ['once', 'and again']) {
    await prepareSearch(catalog.db);
    expect([time, await readSearchState(catalog.db)]).toEqual([time, before]);
  }
});

test('a product that the previous release writes is found as well', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, [aProduct('a')]);
  await sql`update products set name = 'Zibeline/Yakuza Top' where slug = 'a'`.execute(catalog.db);
  expect((await readSearchState(catalog.db)).vectors[0]).toMatch(/'yakuza':/);
});

async function readSearchState(db: Db) {
  const { rows: vectors } = await sql<{ vector: string }>`
    select search_vector::text || title_key || skus as vector from products order by id`.execute(db);
  const { rows: indexes } = await sql<{ definition: string }>`
    select pg_get_indexdef(indexrelid) as definition from pg_index
    where indexrelid in (to_regclass('products_search_blocks'), to_regclass('products_by_title')) and indisvalid
    order by 1`.execute(db);
  return {
    vectors: vectors.map(({ vector }) => vector),
    indexes: indexes.map(({ definition }) => definition),
  };
}
