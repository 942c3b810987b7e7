// Loads `synonyms.txt`: words that shoppers use for the same thing.
import { readFileSync } from 'node:fs';

/** A run of words as keys (`wordKey`), joined by a space, and what else it may be called, each a run of words. */
export type Synonyms = ReadonlyMap<string, string[][]>;

/** The longest run of words that a group holds is looked for in a search; longer ones are passed over. */
export const mostWordsOfSynonym = 3;

export function readSynonyms(file: URL = new URL('./synonyms.txt', import.meta.url)): Synonyms {
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

/** The same for singular and plural, roughly: a key is only compared with keys. */
export function wordKey(word: string): string {
  if (/(?:ss|x|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return word.length > 3 ? word.replace(/(?<!s)s$/, '') : word;
}

/** As `search_normal` would have them, for words of a file that somebody wrote by hand. */
function wordsOf(entry: string): string[] {
  const plain = entry
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .replace(/\b(?:t|tee) (shirts?)\b/g, 't$1');
  return plain.trim() === '' ? [] : plain.trim().split(' ');
}
