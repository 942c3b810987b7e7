// Finds a search's candidate products: exact name matches, then the newest matches, bounded so that common words stay
// cheap.
import { sql } from 'kysely';
import type { DbOrTx } from '../../schema.ts';
import type { ListQuery } from '../list/list-query.ts';
import { type Filter, matches, maxCandidates, type Scope } from '../list/matching.ts';
import { blockMark, idsPerBlock, searchTerms } from './search-terms.ts';

/**
 * Indexes: products_search_blocks, products_by_title.
 * @returns ids, newest first; the same for the same search, whatever its sort. One beyond `maxCandidates` tells that
 * there is more.
 */
export async function findCandidates(
  db: DbOrTx,
  query: ListQuery,
  scope: Scope,
  omit?: Filter,
): Promise<string[]> {
  const { words, newestId } = scope.search;
  const terms = searchTerms(words, query, scope.categoryIds, omit);
  if (terms === undefined) return [];
  const limit = maxCandidates + 1;
  // The index knows no places of words.
  const sideBySide = words.includes('<') ? sql`search_vector @@ ${words}::tsquery` : sql`true`;
  // Blocks come in the order of the series, and the limit ends it: an outer `order by` would read them all. `offset
  // 0` keeps other indexes, which know no blocks, out of it.
  const { rows } = await sql<{ id: string }>`
    select hit.id from generate_series(${Math.floor(newestId / idsPerBlock)}::integer, 0, -1) as blocks (block)
    cross join lateral (
      select id from (
        select * from products
        where status = 'active'
          and product_search_terms(id, category_id, price_amount, sizes, colors, search_vector)
            @@ replace(${terms}, ${blockMark}, block::text)::tsquery
        offset 0
      ) product
      where ${scope.within} and ${matches(query, omit)} and ${sideBySide}
      order by id desc limit ${limit}
    ) hit
    limit ${limit}`.execute(db);
  const ids = rows.map((row) => row.id);
  // A catalog of many like it would hide an older product of exactly this name.
  if (ids.length < limit) return ids;
  const named = await findNamed(db, query, scope, omit);
  return [...new Set([...named, ...ids])].slice(0, limit);
}

const maxNamed = 100;

async function findNamed(db: DbOrTx, query: ListQuery, scope: Scope, omit?: Filter): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from products
    where title_key = ${scope.search.titleKey} and ${scope.within} and ${matches(query, omit)}
    order by id desc limit ${maxNamed}`.execute(db);
  return rows.map((row) => row.id);
}
