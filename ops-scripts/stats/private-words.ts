// Words that stand for nothing an engineer of this field knows; the glossary in docs/glossary.md says what to write
// in their place.
import type { SourceFile } from './source-files.ts';

/** A word, as it stands in comments and in names, and what to write instead. */
const privateWords: [pattern: RegExp, instead: string][] = [
  [/\bundertakers?\b/i, 'orphan reaper'],
  [/\bturnstiles?\b/i, 'semaphore'],
  [/\bToldValues?\b/, 'VersionedReads'],
  [/\bedge ?lines?\b/i, 'purge channel'],
  [/\bEdgeDebts?\b|\bdebts\b/i, 'pending purges'],
  [/\bwork ?rows? of the outbox\b/i, 'outbox row'],
  [/\bset aside\b/i, 'dead letter'],
  [/\bhintWorker\b/, 'wakeWorker'],
  [/\bcatalogue of drills\b/i, 'registry'],
];

/** @returns a line for each file and word, such as `origin/a.ts: write "semaphore" instead of turnstile`. */
export function findPrivateWords(files: SourceFile[]): string[] {
  return files
    .filter(({ path }) => !path.endsWith('/private-words.ts'))
    .flatMap(({ path, text }) =>
      privateWords.flatMap(([pattern, instead]) => {
        const found = pattern.exec(text)?.[0];
        return found === undefined ? [] : `${path}: write "${instead}" instead of ${found}`;
      }),
    );
}
