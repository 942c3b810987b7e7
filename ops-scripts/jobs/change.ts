// `ops jobs retry|drop|pause|resume`: changes jobs, and the options that choose them.
// It asks before it changes more than one, and each change is written to the log.

import { hostname, userInfo } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { Command, InvalidArgumentError } from 'commander';
import {
  type DeedOutcome,
  dropJobs,
  type JobChange,
  pauseKind,
  resumeKind,
  retryJobs,
} from '../../origin/outbox/change-jobs.ts';
import { type OutboxKind, outboxKinds } from '../../origin/outbox/events.ts';
import {
  countMatching,
  type JobCount,
  type JobFilter,
  type JobState,
  jobStates,
} from '../../origin/outbox/find-jobs.ts';
import { countedTo } from '../../origin/outbox/measure.ts';
import type { Db } from '../../origin/schema.ts';
import { findSubjects } from '../../worker/console/read-filter.ts';
import { openDatabase } from '../connect-stores.ts';

interface Change {
  name: 'retry' | 'drop';
  description: string;
  done: string;
  change: (db: Db, deed: JobChange) => Promise<DeedOutcome>;
}

export const retry: Change = {
  name: 'retry',
  description: 'Try jobs now; a dead letter gets all its attempts anew',
  done: 'brought back',
  change: retryJobs,
};

export const drop: Change = {
  name: 'drop',
  description: 'Give jobs up for good; what they asked for stays undone',
  done: 'dropped',
  change: dropJobs,
};

interface ChangeOptions extends FilterOptions {
  as: string;
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
}

/**
 * Without ids and filters, a change would apply to everything. This is refused, except for retrying all dead letters.
 */
export function changeCommand(env: NodeJS.ProcessEnv, change: Change): Command {
  const { name, description, done } = change;
  return addName(addFilter(new Command(name)))
    .description(description)
    .argument('[ids...]', 'which; or choose by the options', collectIds)
    .option('--dry-run', 'only say how many')
    .option('--yes', 'do not ask before more than one')
    .option('--json', 'print one JSON object')
    .action(async (ids: string[] | undefined, options: ChangeOptions) => {
      const { dryRun = false, yes, json, as: who } = options;
      await using database = await openDatabase(env);
      const { db } = database;
      const filter = await toFilter(db, options, ids);
      if (Object.keys(filter).length === 0) {
        if (name === 'drop')
          throw new Error('Cannot drop all that failed: name ids, or choose by --state, --kind, --error');
        filter.state = 'dead';
      }
      const found = await countChangeable(db, name, filter);
      const tell = (outcome: { jobs: number; changed: number; more?: boolean }, sentence: string) =>
        console.log(json ? JSON.stringify({ action: name, dryRun, ...outcome }) : sentence);
      if (dryRun)
        return tell({ jobs: found.count, changed: 0, more: found.more }, `${told(found)} would be ${done}`);
      if (found.count > 1 && !yes && !(await confirm(`${told(found)} will be ${done}. Go on? [y/N] `)))
        return tell({ jobs: found.count, changed: 0 }, 'Nothing was changed');
      const { changed } = await change.change(db, { who, filter });
      tell({ jobs: found.count, changed }, `${changed} ${changed === 1 ? 'job' : 'jobs'} ${done}`);
    });
}

/**
 * Counts the jobs that the action may change. Done jobs are never changed. Jobs without a failure are dropped only if
 * their state is named.
 */
async function countChangeable(db: Db, action: Change['name'], filter: JobFilter): Promise<JobCount> {
  if (filter.state !== undefined || (filter.ids === undefined && filter.subjects === undefined))
    return filter.state === 'done' ? { count: 0, more: false } : countMatching(db, filter, countedTo);
  const states =
    action === 'drop' ? (['failing', 'dead'] as const) : (['waiting', 'due', 'failing', 'dead'] as const);
  const counts = await Promise.all(states.map((state) => countMatching(db, { ...filter, state }, countedTo)));
  return {
    count: counts.reduce((sum, { count }) => sum + count, 0),
    more: counts.some(({ more }) => more),
  };
}

function told({ count, more }: JobCount): string {
  return `${count}${more ? ' or more' : ''} ${count === 1 && !more ? 'job' : 'jobs'}`;
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new Error(`${question.replace(/ Go on.*/, '')} Add --yes, as nobody can be asked here`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

interface KindChange {
  name: 'pause' | 'resume';
  description: string;
  change: (db: Db, kind: OutboxKind, who: string) => Promise<boolean>;
  done: string;
  already: string;
}

export const pause: KindChange = {
  name: 'pause',
  description: 'Begin no more jobs of a kind, on any worker, until it is resumed; what is under way ends',
  change: pauseKind,
  done: 'is paused',
  already: 'was paused already',
};

export const resume: KindChange = {
  name: 'resume',
  description: 'Work the jobs of a paused kind again',
  change: resumeKind,
  done: 'is worked again',
  already: 'was not paused',
};

export function kindCommand(env: NodeJS.ProcessEnv, { name, description, ...of }: KindChange): Command {
  return addName(new Command(name))
    .description(description)
    .argument('<kind>', outboxKinds.join(', '), oneOf(outboxKinds))
    .option('--json', 'print one JSON object')
    .action(async (kind: OutboxKind, { as: who, json }: { as: string; json?: boolean }) => {
      await using database = await openDatabase(env);
      const changed = await of.change(database.db, kind, who);
      console.log(
        json ? JSON.stringify({ kind, action: name, changed }) : `${kind} ${changed ? of.done : of.already}`,
      );
    });
}

// The options by which `ops jobs` chooses jobs, and the filter that they make.

export interface FilterOptions {
  state?: JobState;
  kind?: OutboxKind;
  error?: string;
  group?: string;
  about?: string;
  olderThan?: number;
}

export function addFilter(command: Command): Command {
  return command
    .option('--state <state>', jobStates.join(', '), oneOf(jobStates))
    .option('--kind <kind>', outboxKinds.join(', '), oneOf(outboxKinds))
    .option('--error <text>', 'part of the error')
    .option('--group <id>', 'a group of errors, as "groups" names it')
    .option('--about <what>', "an order's number, a product's slug, an account's e-mail, or an id of these")
    .option('--older-than <time>', 'written longer ago than this: 30s, 10m, 2h, 3d', readSeconds);
}

/** @throws if `--about` names nothing that exists */
export async function toFilter(db: Db, options: FilterOptions, ids: string[] = []): Promise<JobFilter> {
  const { state, kind, error, group, about, olderThan } = options;
  const subjects = about === undefined ? undefined : await findSubjects(db, about);
  if (subjects?.length === 0) throw new Error(`Cannot find an order, a product or an account '${about}'`);
  return {
    ...(ids.length > 0 ? { ids } : {}),
    ...(state ? { state } : {}),
    ...(kind ? { kind } : {}),
    ...(error ? { error } : {}),
    ...(group ? { group } : {}),
    ...(subjects ? { subjects } : {}),
    ...(olderThan !== undefined ? { olderThanSeconds: olderThan } : {}),
  };
}

/** Adds the option for the name that the log of deeds gets. */
export function addName(command: Command): Command {
  return command.option('--as <name>', 'your name, for the log', `${userInfo().username}@${hostname()}`);
}

export function oneOf<Name extends string>(names: readonly Name[]) {
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

export function readId(value: string): string {
  if (!/^\d{1,18}$/.test(value)) throw new InvalidArgumentError("A job's id is a whole number.");
  return value;
}

export function collectIds(value: string, ids: string[] | undefined): string[] {
  return [...(ids ?? []), readId(value)];
}
