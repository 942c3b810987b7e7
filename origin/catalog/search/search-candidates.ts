// Finds a search's candidate products by terms of the index, bounded in number, and ranks them.
import { type RawBuilder, sql } from 'kysely';
import type { DbOrTx } from '../../schema.ts';
import type { ListQuery } from '../list/list-query.ts';
import { type Filter, type ListScope, matches, maxCandidates } from '../list/matching.ts';

/**
 * Finds a search's candidate products: exact name matches, then the newest matches. The bound keeps common words
 * cheap. Indexes: products_search_blocks, products_by_title.
 * @returns ids, newest first, whatever the sort; one more than `maxCandidates` where there are more
 */
export async function findCandidates(
  db: DbOrTx,
  query: ListQuery,
  scope: ListScope,
  omit?: Filter,
): Promise<string[]> {
  const { words, newestId } = scope.search;
  const terms = searchTerms(words, query, scope.categoryIds, omit);
  if (terms === undefined) return [];
  const limit = maxCandidates + 1;
  // The index stores no word positions, so the row's vector checks that words are adjacent.
  const sideBySide = words.includes('<') ? sql`search_vector @@ ${words}::tsquery` : sql`true`;
  // Blocks are read newest first until the limit; an outer `order by` would read them all. `offset 0` keeps the
  // planner from using other indexes.
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
  // An older product of exactly this name would be hidden by many newer, similar ones.
  if (ids.length < limit) return ids;
  const named = await findNamed(db, query, scope, omit);
  return [...new Set([...named, ...ids])].slice(0, limit);
}

const maxNamed = 100;

async function findNamed(db: DbOrTx, query: ListQuery, scope: ListScope, omit?: Filter): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from products
    where title_key = ${scope.search.titleKey} and ${scope.within} and ${matches(query, omit)}
    order by id desc limit ${maxNamed}`.execute(db);
  return rows.map((row) => row.id);
}

/**
 * Ids per block: a block's ids share entries in the index products_search_blocks. `product_search_terms` uses the
 * same number. Terms may match too much, never too little; conditions on the row decide.
 */
export const idsPerBlock = 8_192;

/** Stands for the block's number in a term. No word or label has it, because they contain no control characters. */
export const blockMark = '\u0001';

/** A department with more categories than this is filtered by row conditions, not by terms. */
const mostCategories = 200;

/**
 * Turns a search into terms of the index products_search_blocks.
 * @param words in Postgres' form: `'linen' & 'shirt':*`
 * @returns text for `tsquery`, each term with `blockMark` for its block; undefined where nothing can match
 */
export function searchTerms(
  words: string,
  query: ListQuery,
  categoryIds: string[] | undefined,
  omit?: Filter,
): string | undefined {
  const { min = 0, max = maxAmount } = omit === 'price' ? {} : query;
  if (words === '' || categoryIds?.length === 0 || min > max) return undefined;
  const alternatives = [
    categoryIds === undefined || categoryIds.length > mostCategories ? [] : categoryIds.map((id) => `c${id}`),
    min === 0 && max === maxAmount ? [] : priceSteps(min, max),
    omit === 'size' ? [] : query.sizes.map((size) => `s${size}`),
    omit === 'color' ? [] : query.colors.map((color) => `o${color}`),
  ];
  return [ofWords(words), ...alternatives.filter((terms) => terms.length > 0).map(oneOf)].join(' & ');
}

const maxAmount = 2_147_483_647;

/** Words that must be adjacent become words that must both occur, because the index stores no positions. */
function ofWords(words: string): string {
  return words.replace(/'((?:''|[^'])+)'/g, `'${blockMark}w$1'`).replace(/<(?:-|\d+)>/g, '&');
}

function oneOf(terms: string[]): string {
  return `(${terms.map((term) => `'${blockMark}${term.replace(/['\\]/g, '$&$&')}'`).join(' | ')})`;
}

/**
 * Covers a price range by terms: fine steps at both ends, coarse ones between. Eight steps of one level make one of
 * the next. Usually about 20 terms, at most 70.
 */
function priceSteps(min: number, max: number): string[] {
  // Postgres' logarithm and JavaScript's may differ in the last digit.
  const slack = 1e-6;
  let from = Math.max(0, Math.floor(Math.log(min + 1) * 128 - slack));
  let to = Math.floor(Math.log(max + 1) * 128 + slack);
  const terms: string[] = [];
  for (const level of ['x', 'y']) {
    while (from <= to && from % 8 !== 0) terms.push(`${level}${from++}`);
    while (from <= to && to % 8 !== 7) terms.push(`${level}${to--}`);
    if (from > to) return terms;
    [from, to] = [from / 8, (to - 7) / 8];
  }
  for (let step = from; step <= to; step++) terms.push(`z${step}`);
  return terms;
}

/**
 * Ranks search results: matches in the name first, then brand, kind, colours and article numbers, then
 * description. A whole number, so that a cursor holds it exactly: the step in hundreds of millions, below it
 * Postgres' own rank. Steps, from the best: the name itself, a name that begins so, all words in the name as
 * typed, in the name by synonyms, in name or kind as typed, by synonyms.
 */
export function rankOf({ words, ownWords, titleKey }: ListScope['search']): RawBuilder<unknown> {
  const has = (query: string, weights: string) => sql`search_vector @@ ${weighed(query, weights)}::tsquery`;
  return sql`(
    case
      when title_key = ${titleKey} then 6
      when starts_with(title_key, ${titleKey}) then 5
      when ${has(ownWords, 'A')} then 4
      when ${has(words, 'A')} then 3
      when ${has(ownWords, 'AB')} then 2
      when ${has(words, 'AB')} then 1
      else 0
    end * 100000000 + least(ts_rank(search_vector, ${words}::tsquery) * 50000000, 99999999))::integer`;
}

/** The same query, where each word must have one of these weights in the product. */
function weighed(query: string, weights: string): string {
  return query.replace(/('(?:''|[^'])+')(?::(\*))?/g, (_, word, star = '') => `${word}:${star}${weights}`);
}
