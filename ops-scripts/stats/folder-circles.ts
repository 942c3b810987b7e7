// Folders that import each other both ways: neither can be read, moved or tested without the other.
import { dirname, join } from 'node:path';
import type { SourceFile } from './source-files.ts';

/**
 * @returns pairs of folders right below `root`, such as `account <-> cart`; files of `root` itself compose and do not
 * count.
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
