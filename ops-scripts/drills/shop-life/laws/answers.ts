// Laws of answers: every deed ends as promised, no request is answered 5xx, and no process logs an error.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineLaw } from './law.ts';

/** Law: every deed ended as expected, such as a form that led to its page or a sign-in that was accepted. */
export const deedsEndAsPromised = defineLaw<string[]>({
  name: 'deeds-end-as-promised',
  gather: async ({ record }) => record.brokenPromises,
  judge: (sentences) => sentences,
});

/** Law: no request is answered 5xx or left unanswered, except a 503 with Retry-After while a part is away. */
export const noServerErrors = defineLaw<string[]>({
  name: 'no-server-errors',
  gather: async ({ record }) => record.answers.faults,
  judge: (faults) => faults,
});

/**
 * Law: no process logs at level error or writes a stack trace. A store outage made by the drill may be logged
 * once, and again only where its reason changes.
 */
interface LogLine {
  file: string;
  line: string;
  /** Of the log's own clock; undefined where the line is none of the log's. */
  atMs: number | undefined;
  /** Which outage of a store it was written in, by number. */
  outage: number | undefined;
}

/** Of pino: error and fatal. */
const errorLevel = 50;

interface Entry {
  level?: number;
  time?: string;
  msg?: string;
  err?: { message?: string };
}

export const noErrorLines = defineLaw<LogLine[]>({
  name: 'no-error-lines',
  async gather({ shop, outages }) {
    const names = (await readdir(shop.logFolder)).filter((name) =>
      /^(origin|worker|edge).*\.log$/.test(name),
    );
    const lines: LogLine[] = [];
    for (const file of names) {
      const text = await readFile(join(shop.logFolder, file), 'utf8');
      for (const line of text.split('\n').filter(isError)) {
        const atMs = Date.parse(entryOf(line)?.time ?? '') || undefined;
        lines.push({ file, line, atMs, outage: atMs === undefined ? undefined : outages.ofStore(atMs) });
      }
    }
    return lines;
  },
  judge(lines) {
    const said = new Set<string>();
    return lines
      .filter(({ file, line, outage }) => {
        if (outage === undefined) return true;
        const key = [file, outage, reasonOf(line)].join('\n');
        const again = said.has(key);
        said.add(key);
        return again;
      })
      .map(({ file, line }) => `${file}: ${line.slice(0, 400)}`);
  },
});

function isError(line: string): boolean {
  if (!line.startsWith('{')) return /error|exception|^\s+at /i.test(line);
  return (entryOf(line)?.level ?? 0) >= errorLevel;
}

/** @returns undefined for the half line of a process that was killed */
function entryOf(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
}

function reasonOf(line: string): string {
  const entry = entryOf(line);
  return entry?.err?.message ?? entry?.msg ?? line;
}
