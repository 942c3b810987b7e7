// Turns typed words into a Postgres text query: each word itself, joined with its neighbour, or a synonym; the last as
// a prefix.
import { sql } from 'kysely';
import type { DbOrTx } from '../../schema.ts';
import { mostWordsOfSynonym, readSynonyms, type Synonyms, wordKey } from './synonyms.ts';

/** Text for `to_tsquery('shop', …)`; both empty where nothing was asked for. */
export interface SearchQuery {
  /** The words as typed. */
  own: string;
  /** With synonyms. */
  wide: string;
  /** All words joined, to be compared with `products.title_key`. */
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

export interface SearchWord {
  word: string;
  /** Words of one chunk were typed without a space between them. */
  chunk: number;
  /** English has it in nearly every text. */
  stop: boolean;
}

export function toSearchQuery(typed: SearchWord[], synonyms: Synonyms): SearchQuery {
  // "the" alone may be a brand; beside other words it says nothing.
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

/** A sign that was copied as letters: "NikeTM" also asks for "nike". */
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

/** Letters and digits only, as `search_normal` leaves them: no operator of the query language can come in. */
function quote(word: string, unfinished: boolean): string {
  return `'${word}'${unfinished ? ':*' : ''}`;
}

function allOf(words: Set<string>[]): string {
  return words.map((alternatives) => `(${[...alternatives].join(' | ')})`).join(' & ');
}
