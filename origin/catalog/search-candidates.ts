// What a search looks at: the newest products that match, at most so many, read block by block so that no word is too common for it.
import { type RawBuilder, sql } from 'kysely';
import type { ListQuery } from './list-query.ts';
import { type Filter, matches, type Scope } from './matching.ts';
import { blockMark, idsPerBlock, searchTerms } from './search-terms.ts';

/** @returns a query for `columns` of `products`; always the same rows for the same search, whatever its sort. */
export function searchCandidates(
  query: ListQuery,
  scope: Scope,
  columns: RawBuilder<unknown>,
  limit: number,
  omit?: Filter,
): RawBuilder<unknown> {
  const { words, newestId } = scope.search;
  const terms = searchTerms(words, query, scope.categoryIds, omit);
  const newestBlock = terms === undefined ? -1 : Math.floor(newestId / idsPerBlock);
  // The index knows no places of words.
  const sideBySide = words.includes('<') ? sql`search @@ ${words}::tsquery` : sql`true`;
  // Blocks come in the order of the series, and the limit ends it: an outer `order by` would read them all. `offset 0` keeps other
  // indexes, which know no blocks, out of it.
  return sql`
    select hit.* from generate_series(${newestBlock}::integer, 0, -1) as blocks (block)
    cross join lateral (
      select ${columns} from (
        select * from products
        where status = 'active'
          and product_search_terms(id, category_id, price_amount, sizes, colors, search)
            @@ replace(${terms ?? ''}, ${blockMark}, block::text)::tsquery
        offset 0
      ) product
      where ${scope.within} and ${matches(query, omit)} and ${sideBySide}
      order by id desc limit ${limit}
    ) hit
    limit ${limit}`;
}
