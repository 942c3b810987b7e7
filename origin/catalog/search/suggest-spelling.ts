// "Did you mean": for a search without results, proposes the nearest phrases that have results.
import { sql } from 'kysely';
import type { Fresh } from '../../cache/entry.ts';
import type { DbOrTx } from '../../schema.ts';
import type { ListQuery } from '../list/list-query.ts';
import { readScope } from '../list/matching.ts';
import { catalogTag, readSetVersions } from '../tags.ts';
import { findCandidates } from './search-candidates.ts';

export interface Suggestions {
  /** Phrases that find products under the search's filters, the most probable first. */
  phrases: string[];
  /** Whether the first is so much more probable than the others that the page may show its products at once. */
  clear: boolean;
}

const maxWords = 8;
const maxCandidatesOfWord = 4;
/** The bound is small because each tried phrase is a search. */
const maxTried = 8;
const maxProposed = 3;
/** The first phrase must find this many times as much as the second, if both are equally near. */
const clearlyMore = 4;

export async function suggestSpelling(db: DbOrTx, query: ListQuery): Promise<Fresh<Suggestions>> {
  const tags = await readSetVersions(db, [catalogTag]);
  const words = await readWords(db, query.q);
  const near = await readNearWords(db, words);
  const tried = await Promise.all(
    nearestPhrases(words, near).map(async ({ phrase, distance }) => {
      const asked = { ...query, q: phrase };
      const found = await findCandidates(db, asked, await readScope(db, asked));
      return { phrase, distance, found };
    }),
  );
  const ordered = tried
    .filter(({ found }) => found.length > 0)
    .sort(
      (a, b) => a.distance - b.distance || b.found.length - a.found.length || (a.phrase < b.phrase ? -1 : 1),
    );
  // "jacket" and "jackets" find the same products, so only one of them is kept.
  const hits = [...new Map(ordered.toReversed().map((hit) => [hit.found.join(), hit])).values()].toReversed();
  const [first, second] = hits;
  const clear =
    first !== undefined &&
    (second === undefined ||
      second.distance > first.distance ||
      first.found.length >= clearlyMore * second.found.length);
  return { value: { phrases: hits.slice(0, maxProposed).map(({ phrase }) => phrase), clear }, tags };
}

async function readWords(db: DbOrTx, q: string): Promise<string[]> {
  const { rows } = await sql<{ words: string[] }>`
    select regexp_split_to_array(search_normal(${q}), '[- ]') as words`.execute(db);
  return rows[0]!.words.filter((word) => word !== '').slice(0, maxWords);
}

/**
 * Reads near words for each word that begins no known one. These share trigrams, or begin alike with the second
 * letter right, left out or swapped.
 */
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

interface Phrase {
  phrase: string;
  /** Changed letters in all words together. */
  distance: number;
}

/**
 * Combines the near words of all unknown ones, nearest first. Returns none where all words are known or no word is
 * near.
 */
function nearestPhrases(words: string[], near: Map<string, string[]>): Phrase[] {
  let phrases: { words: string[]; distance: number }[] = [{ words: [], distance: 0 }];
  for (const word of words) {
    const choices = near.has(word) ? nearest(word, near.get(word)!) : [{ word, distance: 0 }];
    phrases = phrases
      .flatMap((phrase) =>
        choices.map((choice) => ({
          words: [...phrase.words, choice.word],
          distance: phrase.distance + choice.distance,
        })),
      )
      .sort((a, b) => a.distance - b.distance)
      .slice(0, maxTried);
  }
  return phrases
    .filter(({ distance }) => distance > 0)
    .map((phrase) => ({ phrase: phrase.words.join(' '), distance: phrase.distance }));
}

/** One wrong letter in three counts as a slip; more make another word. */
function nearest(word: string, candidates: string[]): { word: string; distance: number }[] {
  const most = Math.max(1, Math.floor(word.length / 3));
  return [...new Set(candidates)]
    .map((candidate) => ({ word: candidate, distance: editDistance(word, candidate) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, maxCandidatesOfWord);
}

/** Counts the typing slips between two words: a letter left out, added or changed, or two adjacent letters swapped. */
export function editDistance(a: string, b: string): number {
  const from = [...a];
  const to = [...b];
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const current = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let least = Math.min(last[j]! + 1, current[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) least = Math.min(least, beforeLast[j - 2]! + 1);
      current.push(least);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}

/** Adds the words of these products to the known ones. They are sorted, so that two writers cannot deadlock. */
export async function learnWords(db: DbOrTx, productIds: string[]): Promise<void> {
  await sql`
    insert into search_words (word)
    select distinct word
    from products, unnest(regexp_split_to_array(search_normal(name || ' ' || brand || ' ' || keywords), '[- ]')) word
    where id = any(${productIds}::bigint[]) and length(word) between 3 and 40 and word !~ '[0-9]'
    order by word
    on conflict do nothing`.execute(db);
}
