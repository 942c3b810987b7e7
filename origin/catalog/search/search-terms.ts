// Turns a search into terms of the index products_search_blocks. They may match too much, never too little; row
// conditions decide.
import type { ListQuery } from '../list/list-query.ts';
import type { Filter } from '../list/matching.ts';

/** Ids that share entries in the index; as in `product_search_terms`. */
export const idsPerBlock = 8_192;

/** Stands for the block's number in a term; in no word or label, as those have no control characters. */
export const blockMark = '\u0001';

/** A department of more categories than this is filtered by row conditions, not by terms. */
const mostCategories = 200;

/**
 * @param words as Postgres reads them: `'linen' & 'shirt':*`
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

/** Words side by side are searched for as words that both occur: the index knows no places. */
function ofWords(words: string): string {
  return words.replace(/'((?:''|[^'])+)'/g, `'${blockMark}w$1'`).replace(/<(?:-|\d+)>/g, '&');
}

function oneOf(terms: string[]): string {
  return `(${terms.map((term) => `'${blockMark}${term.replace(/['\\]/g, '$&$&')}'`).join(' | ')})`;
}

/**
 * From fine steps at both ends to coarse ones between, eight of one being one of the next: some 20 terms, 70 at the
 * most.
 */
function priceSteps(min: number, max: number): string[] {
  // Postgres' logarithm and ours may differ in the last place.
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
