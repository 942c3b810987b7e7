// Ranks search results: matches in the name first, then brand, kind, colours and article numbers, then description.
import { type RawBuilder, sql } from 'kysely';
import type { Scope } from '../list/matching.ts';

/**
 * A whole number, so that a cursor holds it exactly: the step in hundreds of millions, below it Postgres' own rank.
 * Steps, from the best: the name itself, a name that begins so, all words in the name as typed, in the name by
 * synonyms, in name or kind as typed, by synonyms.
 */
export function rankOf({ words, ownWords, titleKey }: Scope['search']): RawBuilder<unknown> {
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

/** The same query, each word only where the product has it with one of these weights. */
function weighed(query: string, weights: string): string {
  return query.replace(/('(?:''|[^'])+')(?::(\*))?/g, (_, word, star = '') => `${word}:${star}${weights}`);
}
