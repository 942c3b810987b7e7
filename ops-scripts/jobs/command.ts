// `ops jobs`: shows queues and failed jobs, retries them or gives them up.
import { createInterface } from 'node:readline/promises';
import { Command, InvalidArgumentError } from 'commander';
import { type OutboxKind, outboxKinds } from '../../origin/outbox/events.ts';
import {
  countFailedRows,
  dropFailedRows,
  type FailedFilter,
  type FailedState,
  failedStates,
  listFailedRows,
  readJob,
  retryFailedRows,
} from '../../origin/outbox/failed-rows.ts';
import { countedTo, countJobs, jobStates, measureOutbox } from '../../origin/outbox/measure.ts';
import type { Db } from '../../origin/schema.ts';
import { openQueues } from '../../worker/queues.ts';
import { openDatabase, openRedis } from '../connect-stores.ts';

export function jobsCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('jobs')
    .addCommand(statusCommand(env))
    .addCommand(listCommand(env))
    .addCommand(deadCommand(env))
    .addCommand(showCommand(env))
    .addCommand(
      changeCommand(env, {
        name: 'retry',
        description: 'Try failed jobs again now; a dead letter gets all its attempts anew',
        done: 'brought back',
        change: retryFailedRows,
      }),
    )
    .addCommand(
      changeCommand(env, {
        name: 'drop',
        description: 'Give failed jobs up for good; what they asked for stays undone',
        done: 'dropped',
        change: dropFailedRows,
      }),
    );
}

function statusCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('status')
    .description('Count jobs by queue and state, and rows of the outbox')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      const redis = await openRedis(env);
      const queues = openQueues(redis, () => undefined);
      const [counts, outbox] = await Promise.all([countJobs(database.db), measureOutbox(database.db)]);
      const rows = await Promise.all(
        outboxKinds.map(async (kind) => ({
          queue: kind,
          inQueue: await queues[kind].getWaitingCount(),
          ...Object.fromEntries(jobStates.map((state) => [state, counts[kind][state].count])),
          countedInPart: jobStates.filter((state) => counts[kind][state].more),
        })),
      );
      await Promise.all(Object.values(queues).map((queue) => queue.close()));
      redis.disconnect();
      if (json) return console.log(JSON.stringify({ queues: rows, outbox, countedTo }));
      const told = rows.map(({ countedInPart, ...row }) => ({
        ...row,
        ...Object.fromEntries(countedInPart.map((state) => [state, `${counts[row.queue][state].count}+`])),
      }));
      for (const line of tabulate(told)) console.log(line);
      console.log(
        `outbox: ${outbox.pending} due, oldest waits ${outbox.lagSeconds.toFixed(1)} s, ${outbox.failing} failed and tried again, ${outbox.dead} given up`,
      );
      if (Math.max(outbox.pending, outbox.failing, outbox.dead) >= countedTo)
        console.log(`${countedTo} means so many or more`);
    });
}

function listCommand(env: NodeJS.ProcessEnv): Command {
  return addFilter(new Command('list'))
    .description('List the jobs that failed, newest first, with the reason and the next try')
    .option('--limit <n>', 'how many at most', readCount, 100)
    .option('--json', 'print one JSON object a line')
    .action(async ({ json, limit, ...options }: FilterOptions & { json?: boolean; limit: number }) => {
      await using database = await openDatabase(env);
      await printFailed(database.db, filterOf(options), limit, json === true);
    });
}

/** A line a count, a column a queue: as narrow as the queues are few. */
function tabulate(rows: { queue: string }[]): string[] {
  const counts = rows.map((row) => new Map<string, unknown>(Object.entries(row)));
  const widths = rows.map(({ queue }) => Math.max(queue.length, 6));
  return [...counts[0]!.keys()].map((key) => {
    const cells = counts.map((row, at) => String(row.get(key) ?? 0).padStart(widths[at]!));
    return `${(key === 'queue' ? '' : key).padEnd(10)}${cells.join('  ')}`;
  });
}

function deadCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('dead')
    .description('List the dead letters: jobs that were given up')
    .option('--json', 'print one JSON object a line')
    .action(async ({ json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      await printFailed(database.db, { state: 'dead' }, 100, json === true);
    });
}

async function printFailed(db: Db, filter: FailedFilter, limit: number, asJson: boolean): Promise<void> {
  const rows = await listFailedRows(db, filter, limit);
  for (const row of rows) {
    const next = row.nextTryAt === null ? 'given up' : `next try ${row.nextTryAt.toISOString()}`;
    console.log(
      asJson
        ? JSON.stringify(row)
        : `${row.id}  ${row.kind}  ${row.committedAt.toISOString()}  failed ${row.failures}×  ${next}  ${oneLine(row.failure)}`,
    );
  }
  if (!asJson && rows.length === 0) console.log('Nothing has failed');
}

function showCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('show')
    .description('Show one job')
    .argument('<id>', 'which', readId)
    .option('--json', 'print one JSON object')
    .action(async (id: string, { json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      const job = await readJob(database.db, id);
      if (job === undefined) throw new Error(`Cannot show job ${id} as there is none`);
      if (json) return console.log(JSON.stringify(job));
      for (const [name, value] of Object.entries(job)) {
        if (value === null) continue;
        const shown = value instanceof Date ? value.toISOString() : value;
        console.log(`${name.padEnd(14)} ${typeof shown === 'object' ? JSON.stringify(shown) : shown}`);
      }
    });
}

interface Change {
  name: string;
  description: string;
  done: string;
  change: (db: Db, filter: FailedFilter) => Promise<number>;
}

interface ChangeOptions extends FilterOptions {
  dryRun?: boolean;
  yes?: boolean;
}

/** Without ids and filters it would mean everything: that is refused, except that all dead letters may be retried. */
function changeCommand(env: NodeJS.ProcessEnv, { name, description, done, change }: Change): Command {
  return addFilter(new Command(name))
    .description(description)
    .argument('[ids...]', 'which; or choose by the options', collectIds)
    .option('--dry-run', 'only say how many')
    .option('--yes', 'do not ask before more than one')
    .action(async (ids: string[] | undefined, { dryRun, yes, ...options }: ChangeOptions) => {
      const filter = { ...filterOf(options), ...(ids?.length ? { ids } : {}) };
      if (Object.keys(filter).length === 0) {
        if (name === 'drop')
          throw new Error('Cannot drop all that failed: name ids, or choose by --state, --kind, --error');
        filter.state = 'dead';
      }
      await using database = await openDatabase(env);
      const count = await countFailedRows(database.db, filter, countedTo);
      if (dryRun) return console.log(`${told(count)} would be ${done}`);
      if (count > 1 && !yes && !(await confirm(`${told(count)} will be ${done}. Go on? [y/N] `)))
        return console.log('Nothing was changed');
      const changed = await change(database.db, filter);
      console.log(`${changed} ${changed === 1 ? 'job' : 'jobs'} ${done}`);
    });
}

function told(count: number): string {
  return `${count < countedTo ? count : `${countedTo} or more`} ${count === 1 ? 'job' : 'jobs'}`;
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new Error(`${question.replace(/ Go on.*/, '')} Add --yes, as nobody can be asked here`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

interface FilterOptions {
  state?: FailedState;
  kind?: OutboxKind;
  error?: string;
  olderThan?: number;
}

function addFilter(command: Command): Command {
  return command
    .option('--state <state>', failedStates.join(' or '), oneOf(failedStates))
    .option('--kind <kind>', outboxKinds.join(', '), oneOf(outboxKinds))
    .option('--error <text>', 'part of the reason')
    .option('--older-than <time>', 'written longer ago than this: 30s, 10m, 2h, 3d', readSeconds);
}

function filterOf({ state, kind, error, olderThan }: FilterOptions): FailedFilter {
  return {
    ...(state ? { state } : {}),
    ...(kind ? { kind } : {}),
    ...(error ? { error } : {}),
    ...(olderThan !== undefined ? { olderThanSeconds: olderThan } : {}),
  };
}

function oneOf<Name extends string>(names: readonly Name[]) {
  return (value: string): Name => {
    const known = names.find((name) => name === value);
    if (known === undefined) throw new InvalidArgumentError(`It is one of ${names.join(', ')}.`);
    return known;
  };
}

const secondsOf: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 };

function readSeconds(value: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(value) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('It is a number with its unit, such as 10m.');
  return Number(amount) * secondsOf[unit!]!;
}

function readCount(value: string): number {
  if (!/^[1-9]\d{0,4}$/.test(value)) throw new InvalidArgumentError('It is a number from 1 to 99999.');
  return Number(value);
}

function readId(value: string): string {
  if (!/^\d{1,18}$/.test(value)) throw new InvalidArgumentError("A job's id is a whole number.");
  return value;
}

function collectIds(value: string, ids: string[] | undefined): string[] {
  return [...(ids ?? []), readId(value)];
}

/** A reason may be what a mail server answered, on several lines. */
function oneLine(reason: string | null): string {
  return (reason ?? '').replaceAll(/\s+/g, ' ');
}
