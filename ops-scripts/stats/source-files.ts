// The source files of the repository, read once; links and tests are left out.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SourceFile {
  /** From the repository's root. */
  path: string;
  text: string;
}

export const sourceFolders = ['http', 'edge', 'origin', 'worker', 'ops-scripts'];

/** @param folders those to look into, from the repository's root */
export function readSourceFiles(folders = sourceFolders): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => path.endsWith('.ts') && lstatSync(path).isFile())
      .sort()
      .map((path) => ({ path, text: readFileSync(path, 'utf8') })),
  );
}
