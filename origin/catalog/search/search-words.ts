// What a search is made of: plain words, the last one also as a beginning; and the nearest known word for one that nothing has.
import { sql } from 'kysely';
import type { Fresh } from '../../cache/entry.ts';
import type { DbOrTx } from '../../postgres/database.ts';
import { catalogTag, readSetVersions } from '../tags.ts';
import { editDistance } from './edit-distance.ts';

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
 * "Did you mean": each word that begins no known word is replaced by the nearest one, by letters changed.
 * @returns undefined where every word is known or nothing is near.
 */
export async function suggestSpelling(db: DbOrTx, q: string): Promise<Fresh<string | undefined>> {
  const tags = await readSetVersions(db, [catalogTag]);
  const words = splitWords(q);
  if (words.length === 0) return { value: undefined, tags };
  const near = await readNearWords(db, words);
  const suggestion = words.map((word) => nearest(word, near.get(word) ?? [word])).join(' ');
  return { value: suggestion === words.join(' ') ? undefined : suggestion, tags };
}

/** @returns for each word that begins no known one: what shares trigrams with it, and what begins alike, its second letter right, left out or swapped. */
async function readNearWords(db: DbOrTx, words: string[]): Promise<Map<string, string[]>> {
  // The primary key answers "begins with" as a range, search_words_similar answers `%`.
  const { rows } = await sql<{ word: string; near: string[] }>`
    select asked.word, array(
      (select known.word from search_words known where known.word % asked.word
        order by similarity(known.word, asked.word) desc, known.word limit 20)
      union all
      (select known.word from search_words known, unnest(array[
          left(asked.word, 2), left(asked.word, 1) || substr(asked.word, 3, 1)
        ]) as beginning
        where known.word >= beginning and known.word < beginning || U&'\\+10FFFF'
          and abs(length(known.word) - length(asked.word)) <= 2
        order by known.word limit 1000)
    ) as near
    from unnest(${words}::text[]) as asked (word)
    where not exists (
      select from search_words known
      where known.word >= asked.word and known.word < asked.word || U&'\\+10FFFF'
        and starts_with(known.word, asked.word)
    )`.execute(db);
  return new Map(rows.map((row) => [row.word, row.near]));
}

/** One wrong letter in three is a slip; more is another word. */
function nearest(word: string, candidates: string[]): string {
  let best = word;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
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
