// Explains why a part ended, from known messages in its log.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const causes: [RegExp, string][] = [
  [/No space left on device|ENOSPC|Disk quota exceeded/, 'the disk is full, free some space'],
  [
    /incompatible with server|database files are incompatible/,
    'its data was made by another version of Postgres',
  ],
  [/Cannot allocate memory|could not map anonymous shared memory|ENOMEM/, 'there is too little memory'],
  [/EADDRINUSE|[Aa]ddress already in use/, 'its port was taken by another program'],
];

/** @returns ": <cause> (see <log>)", or only where to look. */
export function logHint(logFile: string): string {
  const end = readEnd(logFile, 8_192);
  const cause = causes.find(([pattern]) => pattern.test(end));
  return cause === undefined ? `, see ${logFile}` : `: ${cause[1]} (see ${logFile})`;
}

function readEnd(file: string, bytes: number): string {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const { size } = fstatSync(descriptor);
      const buffer = Buffer.alloc(Math.min(bytes, size));
      readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('utf8');
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return '';
  }
}
