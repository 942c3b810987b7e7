// Laws of background work and answers: work is retried and ends, deeds end as promised, no 5xx and no error line.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ShopLife } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';
import type { Fate } from '../shop/mail-server.ts';
import { defineLaw } from './law.ts';

/** An outbox row that is not done, with the address and fate of its mail. */
export interface OpenWork {
  id: string;
  kind: string;
  state: 'pending' | 'dead';
  /** Failed attempts. */
  failures: number;
  failure: string | null;
  /** Seconds until it is due; negative if it is late. */
  dueInSeconds: number;
  /** The recipient of a mail; null for other work. */
  to: string | null;
  fate: Fate;
  /** The template of a mail. */
  template: string | null;
  /** The order that a mail is about. */
  orderId: string | null;
  /** Seconds from its first failure to its next attempt; null if it has not failed. */
  deferredSeconds: number | null;
  /** Seconds for which no other worker may claim it: a server may still answer for the mail that it got. */
  heldSeconds: number;
  /** Whether a part that works on it was killed since it was written. */
  mayBeInDoubt: boolean;
}

export async function readOpenWork(life: ShopLife): Promise<OpenWork[]> {
  const rows = await askPostgres<Omit<OpenWork, 'fate' | 'mayBeInDoubt'> & { committed: Date }>(
    life.shop,
    `select id, kind, state, failures, failure, payload ->> 'to' as to, payload ->> 'template' as template, payload -> 'data' ->> 'orderId' as "orderId",
       committed_at as committed,
       extract(epoch from due_at - clock_timestamp())::float as "dueInSeconds",
       extract(epoch from due_at - first_failed_at)::float as "deferredSeconds",
       greatest(0, extract(epoch from claimed_until - clock_timestamp()))::float as "heldSeconds"
     from outbox where state <> 'done' order by id`,
  );
  const parts = ['worker', 'postgres', 'redis'];
  return rows.map((row) => ({
    ...row,
    fate: row.to === null ? 'accepts' : life.mailServer.fateOf(row.to),
    mayBeInDoubt: life.outages.overlap(row.committed.getTime(), Date.now(), parts),
  }));
}

/** A server may take 10 minutes to answer a mail (RFC 5321, 4.5.3.2.6), while its worker may be killed earlier. */
const mostHeldSeconds = 12 * 60;

/** Whether a worker died after it handed the mail over and before it knew the server's answer. */
export function isHeldInDoubt({ kind, heldSeconds, mayBeInDoubt }: OpenWork): boolean {
  return kind === 'mail' && mayBeInDoubt && heldSeconds > 0 && heldSeconds <= mostHeldSeconds;
}

/** Law: the only dead letters are mails that their server refused permanently, with the server's reason. */
export const noDeadLetters = defineLaw<OpenWork[]>({
  name: 'no-dead-letters',
  gather: readOpenWork,
  judge: (work) =>
    work
      .filter(({ state }) => state === 'dead')
      .flatMap(({ id, kind, to, fate, failure }) => {
        const what = `${kind} ${id}${to === null ? '' : ` to ${to}`}`;
        if (kind !== 'mail' || fate !== 'refuses for good') return [`${what} was given up: ${failure}`];
        if (!failure?.includes('550'))
          return [`${what} was given up without the server's reason: ${failure}`];
        return [];
      }),
});

/** RFC 5321, 4.5.4.1: attempts are 30 minutes or more apart. */
const leastPauseSeconds = 25 * 60;
const lateSeconds = 15;
/**
 * Law: failed outbox rows are retried at growing intervals and end. Due rows get done. Failing mail servers are spared.
 */
export const nothingFailsForEver = defineLaw<OpenWork[]>({
  name: 'nothing-fails-for-ever',
  gather: readOpenWork,
  judge: (work) => work.filter(({ state }) => state === 'pending').flatMap(judgeOne),
  patienceMs: 20_000,
});

/**
 * Law: rows that are kept for a time are deleted after it. A worker may be some nights late, because it looks each
 * minute.
 */
interface KeptRows {
  table: string;
  /** The age of its oldest row; null if the table is empty. */
  oldestDays: number | null;
  keptDays: number;
}

const lateDays = 21;

const keptFor: [table: string, oldest: string, keptDays: number][] = [
  ['outbox', "select min(done_at) from outbox where state = 'done'", 7],
  ['job_attempts', 'select min(ended_at) from job_attempts', 8],
  ['job_subjects', 'select min(written_at) from job_subjects', 8],
  ['idempotency_keys', 'select min(created_at) from idempotency_keys', 7],
  ['cart_operations', 'select min(created_at) from cart_operations', 7],
  ['shop_events', 'select min(at) from shop_events', 30],
];

export const oldRowsGo = defineLaw<KeptRows[]>({
  name: 'old-rows-go',
  async gather({ shop }) {
    const questions = keptFor.map(
      ([table, oldest]) =>
        `select '${table}' as table, (extract(epoch from now() - (${oldest})) / 86400)::float8 as "oldestDays"`,
    );
    const rows = await askPostgres<Omit<KeptRows, 'keptDays'>>(shop, questions.join(' union all '));
    const daysOf = new Map(keptFor.map(([table, , keptDays]) => [table, keptDays]));
    return rows.map((row) => ({ ...row, keptDays: daysOf.get(row.table)! }));
  },
  judge: (kept) =>
    kept
      .filter(({ oldestDays, keptDays }) => (oldestDays ?? 0) > keptDays + lateDays)
      .map(
        ({ table, oldestDays, keptDays }) =>
          `${table} has a row of ${Math.round(oldestDays!)} days, and keeps them for ${keptDays}`,
      ),
});

function judgeOne(work: OpenWork): string[] {
  const { id, kind, to, fate, failures, failure, dueInSeconds, deferredSeconds } = work;
  const what = `${kind} ${id}${to === null ? '' : ` to ${to}, whose server ${fate}`}`;
  if (kind === 'mail' && (fate === 'refuses for now' || fate === 'hangs' || fate === 'stalls')) {
    if (failure === null) return [];
    const pauseSeconds = (deferredSeconds ?? 0) / Math.max(1, failures);
    return pauseSeconds >= leastPauseSeconds
      ? []
      : [`${what} failed ${failures} times and is tried each ${Math.round(pauseSeconds)} s: ${failure}`];
  }
  if (failure !== null) return [`${what} failed ${failures} times: ${failure}`];
  if (isHeldInDoubt(work)) return [];
  return dueInSeconds < -lateSeconds ? [`${what} has been due for ${Math.round(-dueInSeconds)} s`] : [];
}

// Laws of answers: every deed ends as promised, no request is answered 5xx, and no process logs an error.

/** Law: every deed ended as expected, such as a form that led to its page or a sign-in that was accepted. */
export const deedsEndAsPromised = defineLaw<string[]>({
  name: 'deeds-end-as-promised',
  gather: async ({ record }) => record.brokenPromises,
  judge: (sentences) => sentences,
});

/** Law: no request is answered 5xx or left unanswered, except for a 503 with Retry-After while a part is away. */
export const noServerErrors = defineLaw<string[]>({
  name: 'no-server-errors',
  gather: async ({ record }) => record.answers.faults,
  judge: (faults) => faults,
});

/**
 * Law: no process logs at level error or writes a stack trace. During an outage that the drill made, a store may be
 * logged once, and again only when the reason changes.
 */
interface LogLine {
  file: string;
  line: string;
  /** The time in the line; undefined if the line is not of the logger. */
  atMs: number | undefined;
  /** The number of the store outage in which it was written. */
  outage: number | undefined;
}

/** pino's level of errors; fatal is higher. */
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

/** @returns undefined for the half line of a killed process */
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
