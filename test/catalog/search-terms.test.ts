import fc from 'fast-check';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { type ListQuery, parseListQuery } from '../../origin/catalog/list/list-query.ts';
import { blockMark, idsPerBlock, searchTerms } from '../../origin/catalog/search/search-candidates.ts';
import type { Db } from '../../origin/schema.ts';
import { openCatalog } from './open-catalog.ts';

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

test('what can match nothing asks for nothing', () => {
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
