// What a search is made of: plain words, the last one also as a beginning; and the nearest known word for one that nothing has.
import { sql } from 'kysely';
import type { Fresh } from '../cache/fenced-cache.ts';
import type { DbOrTx } from '../postgres/database.ts';
import { catalogTag, readSetVersions } from './tags.ts';

const maxWords = 8;

/** Letters and digits only, so that no operator of the query language can come in. */
export function splitWords(q: string): string[] {
  return (q.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []).slice(0, maxWords);
}

/** @returns text for `to_tsquery('english', …)`: every word must occur, the last may be unfinished. */
export function toQueryText(q: string): string {
  const words = splitWords(q).map((word) => `'${word}'`);
  return words.length === 0 ? '' : `${words.join(' & ')}:*`;
}

/**
 * "Did you mean": each word that begins no known word is replaced by the most similar one.
 * @returns undefined where every word is known or nothing is similar.
 */
export async function suggestSpelling(db: DbOrTx, q: string): Promise<Fresh<string | undefined>> {
  const tags = await readSetVersions(db, [catalogTag]);
  const words = splitWords(q);
  if (words.length === 0) return { value: undefined, tags };
  // The primary key answers `like` only in the C collation, so "begins" is a range. search_words_similar answers `%`.
  const { rows } = await sql<{ word: string; nearest: string | null }>`
    select asked.word,
      case when exists (
        select from search_words known
        where known.word >= asked.word and known.word < asked.word || U&'\\+10FFFF'
          and starts_with(known.word, asked.word)
      ) then asked.word
      else (
        select known.word from search_words known where known.word % asked.word
        order by similarity(known.word, asked.word) desc, abs(length(known.word) - length(asked.word)), known.word
        limit 1
      ) end as nearest
    from unnest(${words}::text[]) with ordinality as asked (word, place)
    order by asked.place`.execute(db);
  const suggestion = rows.map((row) => row.nearest ?? row.word).join(' ');
  return { value: suggestion === words.join(' ') ? undefined : suggestion, tags };
}

/** Makes the words of these products known. Sorted, so that two writers cannot wait for each other. */
export async function learnWords(db: DbOrTx, productIds: string[]): Promise<void> {
  await sql`
    insert into search_words (word)
    select distinct word
    from products, unnest(tsvector_to_array(to_tsvector('simple', name || ' ' || brand || ' ' || keywords))) word
    where id = any(${productIds}::bigint[]) and length(word) between 3 and 40
    order by word
    on conflict do nothing`.execute(db);
}
