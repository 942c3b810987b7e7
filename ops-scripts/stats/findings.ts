// Finds two obstacles to reading the source files: folders that import each other, and private words.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A source file of the repository, read once. Links and tests are left out. */
export interface SourceFile {
  /** The path from the repository's root. */
  path: string;
  text: string;
}

export const sourceFolders = ['http', 'edge', 'origin', 'worker', 'ops-scripts'];

/** @param folders to search, from the repository's root */
export function readSourceFiles(folders = sourceFolders): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => path.endsWith('.ts') && lstatSync(path).isFile())
      .sort()
      .map((path) => ({ path, text: readFileSync(path, 'utf8') })),
  );
}

/**
 * Finds folders that import each other: neither can be read, moved or tested without the other.
 * @returns pairs of folders directly below `root`, such as `account <-> cart`; files of `root` itself combine them and
 * do not count
 */
export function findFolderCircles(files: SourceFile[], root: string): string[] {
  const edges = new Set<string>();
  for (const { path, text } of files) {
    for (const [, specifier = ''] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
      const [from, to] = [folderOf(path, root), folderOf(join(dirname(path), specifier), root)];
      if (from !== undefined && to !== undefined && from !== to) edges.add(`${from} ${to}`);
    }
  }
  return [...edges]
    .map((edge) => edge.split(' ') as [string, string])
    .filter(([from, to]) => from < to && edges.has(`${to} ${from}`))
    .map(([from, to]) => `${from} <-> ${to}`)
    .sort();
}

function folderOf(path: string, root: string): string | undefined {
  const [top, folder, ...rest] = path.split('/');
  return top === root && rest.length > 0 ? folder : undefined;
}

/** A word as it occurs in comments and names, and the word to write instead. */
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

/**
 * Finds words that an engineer of this field does not know; docs/glossary.md says what to write instead.
 * @returns a line for each file and word, such as `origin/a.ts: write "semaphore" instead of turnstile`
 */
export function findPrivateWords(files: SourceFile[]): string[] {
  return files
    .filter(({ path }) => !path.endsWith('/findings.ts'))
    .flatMap(({ path, text }) =>
      privateWords.flatMap(([pattern, instead]) => {
        const found = pattern.exec(text)?.[0];
        return found === undefined ? [] : `${path}: write "${instead}" instead of ${found}`;
      }),
    );
}

/** @returns names that several files give to exported types, because a name has one meaning in the repository */
export function findSharedNames(files: SourceFile[]): string[] {
  const owners = new Map<string, Set<string>>();
  for (const { path, text } of files) {
    for (const [, name = ''] of text.matchAll(/^export (?:type|interface|class) (\w+)/gm))
      owners.set(name, (owners.get(name) ?? new Set()).add(path));
  }
  return [...owners]
    .filter(([, paths]) => paths.size > 1)
    .map(([name]) => name)
    .sort();
}
