// The source files of the repository, read once: those that git tracks, links and tests left out.
import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';

export interface SourceFile {
  /** From the repository's root. */
  path: string;
  text: string;
}

export const sourceFolders = ['http', 'edge', 'origin', 'worker', 'ops-scripts'];

/** @param folders those to look into, from the repository's root */
export function readSourceFiles(folders = sourceFolders): SourceFile[] {
  const listed = execFileSync('git', ['ls-files', ...folders], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return listed
    .split('\n')
    .filter((path) => path.endsWith('.ts') && lstatSync(path).isFile())
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}
