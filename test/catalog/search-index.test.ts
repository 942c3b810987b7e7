// The search index: its creation beside a serving shop, and its terms for prices, sizes and words.

import fc from 'fast-check';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { type ListQuery, parseListQuery } from '../../origin/catalog/list/list-query.ts';
import { blockMark, idsPerBlock, searchTerms } from '../../origin/catalog/search/search-candidates.ts';
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

test('an invalid index of an interrupted attempt is replaced', async () => {
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

const everything = parseListQuery(new URLSearchParams(), 'api');
const amount = fc.oneof(fc.nat(2_147_483_647), fc.nat(30_000), fc.constantFrom(0, 1, 2_147_483_647));

interface Row {
  id: number;
  price: number;
  sizes: string[];
}

test('the terms of a price range find every price in it, and are few', async () => {
  await using catalog = await openCatalog();
  await fc.assert(
    fc.asyncProperty(amount, amount, amount, async (...amounts) => {
      const [min, price, max] = amounts.toSorted((a, b) => a - b) as [number, number, number];
      const terms = searchTerms("'coat'", { ...everything, min, max }, undefined)!;
      expect(terms.split('|').length).toBeLessThan(80);
      expect(await isFound(catalog.db, { id: 3, price, sizes: [] }, terms)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('a price well outside the range is not found, so that a narrow range reads few rows', async () => {
  await using catalog = await openCatalog();
  const terms = searchTerms("'coat'", { ...everything, min: 5_000, max: 5_050 }, undefined)!;
  for (const price of [4_900, 5_150, 0, 2_147_483_647]) {
    expect(await isFound(catalog.db, { id: 3, price, sizes: [] }, terms)).toBe(false);
  }
});

test('a size is found whatever its label holds, and no other', async () => {
  await using catalog = await openCatalog();
  const label = fc.oneof(fc.constantFrom("'", '\\', "it's", '\\1', '5\' 11"', ':*', 'a | b'), fc.string());
  await fc.assert(
    fc.asyncProperty(label, label, async (given, other) => {
      const sizes = parseListQuery(new URLSearchParams({ size: given }), 'page').sizes;
      fc.pre(sizes[0] === given && given !== other && !other.includes('\0'));
      const terms = searchTerms("'coat'", { ...everything, sizes }, undefined)!;
      const row = { id: 9_000, price: 1, sizes: [given] };
      expect(await isFound(catalog.db, row, terms)).toBe(true);
      expect(await isFound(catalog.db, { ...row, sizes: [other] }, terms)).toBe(false);
    }),
    { numRuns: 100 },
  );
});

test('a search that can match nothing has no terms', () => {
  const asked = (query: Partial<ListQuery>, words = "'coat'", categories?: string[]) =>
    searchTerms(words, { ...everything, ...query }, categories);
  expect(asked({}, '')).toBeUndefined();
  expect(asked({}, "'coat'", [])).toBeUndefined();
  expect(asked({ min: 2, max: 1 })).toBeUndefined();
});

test('words that stand side by side are looked up as words that both occur', () => {
  expect(searchTerms("'10' <-> 'x5' & 'coat':*", everything, ['7'])).toBe(
    "'\u0001w10' & '\u0001wx5' & '\u0001wcoat':* & ('\u0001c7')",
  );
});

async function isFound(db: Db, { id, price, sizes }: Row, terms: string): Promise<boolean> {
  const block = Math.floor(id / idsPerBlock);
  const { rows } = await sql<{ found: boolean }>`
    select product_search_terms(${id}::bigint, 1, ${price}::integer, ${sizes}::text[], '{}', 'coat')
      @@ replace(${terms}, ${blockMark}, ${String(block)})::tsquery as found`.execute(db);
  return rows[0]!.found;
}
