// Turns typed words into a Postgres text query: each word itself, joined with its neighbour, and its synonyms.

import { readFileSync } from 'node:fs';
import { sql } from 'kysely';
import type { DbOrTx } from '../../schema.ts';

/** Texts for `to_tsquery('shop', …)`; `own` and `wide` are empty where there is no word to search for. */
interface SearchQuery {
  /** The words as typed. */
  own: string;
  /** The words with their synonyms. */
  wide: string;
  /** All words joined, to compare with `products.title_key`. */
  titleKey: string;
}

const maxWords = 12;
const synonymsOfShop = readSynonyms();

export async function readSearchQuery(db: DbOrTx, q: string): Promise<SearchQuery> {
  if (q === '') return { own: '', wide: '', titleKey: '' };
  const { rows } = await sql<{ word: string; chunk: number; stop: boolean }>`
    select word, chunk.place::integer as chunk, to_tsvector('english', word) = '' as stop
    from regexp_split_to_table(search_normal(${q}), ' ') with ordinality as chunk (text, place),
      regexp_split_to_table(chunk.text, '-') with ordinality as part (word, place)
    where word <> ''
    order by chunk.place, part.place`.execute(db);
  return toSearchQuery(rows, synonymsOfShop);
}

interface SearchWord {
  word: string;
  /** Words of one chunk were typed without a space between them. */
  chunk: number;
  /** A stop word: nearly every English text has it. */
  stop: boolean;
}

export function toSearchQuery(typed: SearchWord[], synonyms: Synonyms): SearchQuery {
  // "the" alone may be a brand; beside other words it is ignored.
  const meant = typed.some(({ stop }) => !stop) ? typed.filter(({ stop }) => !stop) : typed;
  const words = meant.slice(0, maxWords);
  const own = words.map((word) => new Set([quote(word.word, word === typed.at(-1))]));
  addJoined(typed, words, own);
  addUnsigned(words, own);
  const wide = own.map((alternatives) => new Set(alternatives));
  addSynonyms(words, wide, synonyms);
  return {
    own: allOf(own),
    wide: allOf(wide),
    titleKey: typed
      .map(({ word }) => word)
      .join('')
      .slice(0, 300),
  };
}

/** "sweat shirt" and "sweat-shirt" also ask for "sweatshirt", and "mc-10-navy" for "mc10navy". */
function addJoined(typed: SearchWord[], words: SearchWord[], alternatives: Set<string>[]): void {
  const add = (run: SearchWord[]) => {
    const joined = quote(run.map(({ word }) => word).join(''), run.at(-1) === typed.at(-1));
    for (const word of run) alternatives[words.indexOf(word)]?.add(joined);
  };
  typed.forEach((word, place) => {
    const next = typed[place + 1];
    if (next !== undefined) add([word, next]);
  });
  for (const chunk of new Set(typed.map((word) => word.chunk))) {
    const run = typed.filter((word) => word.chunk === chunk);
    if (run.length > 2) add(run);
  }
}

/** Some copied texts have a sign as letters: "NikeTM" also asks for "nike". */
function addUnsigned(words: SearchWord[], alternatives: Set<string>[]): void {
  words.forEach(({ word }, place) => {
    if (/^\p{L}{3,}tm$/u.test(word)) alternatives[place]!.add(quote(word.slice(0, -2), false));
  });
}

function addSynonyms(words: SearchWord[], alternatives: Set<string>[], synonyms: Synonyms): void {
  words.forEach((_, start) => {
    for (let length = 1; length <= mostWordsOfSynonym && start + length <= words.length; length++) {
      const run = words.slice(start, start + length);
      for (const other of synonyms.get(run.map(({ word }) => wordKey(word)).join(' ')) ?? []) {
        const text = other.map((word) => quote(word, false)).join(' & ');
        for (let place = start; place < start + length; place++) {
          alternatives[place]!.add(other.length > 1 ? `(${text})` : text);
        }
      }
    }
  });
}

/**
 * Words have letters and digits only, as `search_normal` leaves them, so that none is an operator of the query
 * language.
 */
function quote(word: string, unfinished: boolean): string {
  return `'${word}'${unfinished ? ':*' : ''}`;
}

function allOf(words: Set<string>[]): string {
  return words.map((alternatives) => `(${[...alternatives].join(' | ')})`).join(' & ');
}

/**
 * Synonyms of `synonyms.txt`. A key is a run of word keys (`wordKey`) joined by a space. Its value lists other names,
 * each a run of words.
 */
type Synonyms = ReadonlyMap<string, string[][]>;

/** The longest run of words of a search that is looked up as a synonym. Longer runs in the file are ignored. */
const mostWordsOfSynonym = 3;

function readSynonyms(file: URL = new URL('./synonyms.txt', import.meta.url)): Synonyms {
  return parseSynonyms(readFileSync(file, 'utf8'));
}

export function parseSynonyms(text: string): Synonyms {
  const synonyms = new Map<string, string[][]>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim().startsWith('#')) continue;
    const group = line
      .split(',')
      .map(wordsOf)
      .filter((words) => words.length > 0);
    for (const words of group) {
      const key = words.map(wordKey).join(' ');
      const others = group.filter((other) => other !== words);
      synonyms.set(key, [...(synonyms.get(key) ?? []), ...others]);
    }
  }
  return synonyms;
}

/** A rough key that is the same for singular and plural. Keys are only compared with keys. */
function wordKey(word: string): string {
  if (/(?:ss|x|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return word.length > 3 ? word.replace(/(?<!s)s$/, '') : word;
}

/** Normalises words of the hand-written file as `search_normal` would. */
function wordsOf(entry: string): string[] {
  const plain = entry
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .replace(/\b(?:t|tee) (shirts?)\b/g, 't$1');
  return plain.trim() === '' ? [] : plain.trim().split(' ');
}
