// Reads and writes files named on the command line; one that fails is a usage error.
import { readFileSync, writeFileSync } from 'node:fs';
import { ConfigFault } from '../config-fault.ts';

/** A file's text; a file that can't be read is a ConfigFault. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigFault(`Cannot read '${file}': ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** Ends the text with a line break; a file that can't be written is a ConfigFault. */
export function save(file: string, text: string): void {
  try {
    writeFileSync(file, `${text}\n`);
  } catch (error) {
    throw new ConfigFault(`Cannot write '${file}': ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** In the words of the other commands. */
function reasonOf(error: unknown): string {
  const { code = '', message = String(error) } = error as NodeJS.ErrnoException;
  return reasons[code] ?? message;
}

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'there is no such folder',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'it lies on a disk that is read-only',
  EISDIR: 'it is a folder',
  ENOSPC: 'the disk is full',
};
