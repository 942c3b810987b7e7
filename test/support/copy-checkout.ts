// Makes a fresh clone of this checkout, with its uncommitted changes and without installed packages.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface Checkout extends AsyncDisposable {
  path: string;
}

export async function copyCheckout(): Promise<Checkout> {
  const folder = await mkdtempDisposable(join(tmpdir(), 'myclothes-clone-'));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard']);
  for (const file of listed.toString().split('\0').filter(Boolean)) {
    if (existsSync(file)) cpSync(file, join(folder.path, file), { verbatimSymlinks: true, recursive: true });
  }
  return { path: folder.path, [Symbol.asyncDispose]: () => folder.remove() };
}

/** The PATH of a newcomer: without the packages' programs, which npm puts first. */
export function pathOfMachine(...more: string[]): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return [...more, ...folders.filter((folder) => !folder.endsWith('node_modules/.bin'))].join(delimiter);
}
