// The options by which `ops jobs` chooses jobs, and what they mean.
import { hostname, userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { type OutboxKind, outboxKinds } from '../../origin/outbox/events.ts';
import { type JobFilter, type JobState, jobStates } from '../../origin/outbox/find-jobs.ts';
import type { Db } from '../../origin/schema.ts';
import { findSubjects } from '../../worker/console/read-filter.ts';

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

/** @throws where nothing is known by the name that `--about` has */
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

/** Who is written into the log of deeds. */
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
