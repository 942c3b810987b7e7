// Reads what a form or an address asks for: which jobs, and which page of them.
import { type OutboxKind, outboxKinds } from '../../origin/outbox/events.ts';
import { type JobFilter, jobStates } from '../../origin/outbox/find-jobs.ts';
import type { Db } from '../../origin/schema.ts';
import { findSubjects } from './about.ts';

/** As a person wrote it; empty fields are absent. */
export interface AskedFilter {
  state?: string | undefined;
  kind?: string | undefined;
  error?: string | undefined;
  about?: string | undefined;
  group?: string | undefined;
  older?: string | undefined;
  after?: string | undefined;
}

const names = ['state', 'kind', 'error', 'about', 'group', 'older', 'after'] as const;
const mostLength = 200;

export function readAsked(fields: Record<string, unknown>): AskedFilter {
  const asked: AskedFilter = {};
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'string' && value.trim() !== '') asked[name] = value.trim().slice(0, mostLength);
  }
  return asked;
}

const secondsOf: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** @returns what it means, or a sentence that says what cannot be understood */
export async function understand(db: Db, asked: AskedFilter): Promise<JobFilter | string> {
  const { error, about, group, older } = asked;
  const state = jobStates.find((one) => one === asked.state);
  if (asked.state !== undefined && state === undefined) return `A state is one of ${jobStates.join(', ')}.`;
  const kind: OutboxKind | undefined = outboxKinds.find((one) => one === asked.kind);
  if (asked.kind !== undefined && kind === undefined) return `A kind is one of ${outboxKinds.join(', ')}.`;
  const [, amount, unit] = /^(\d{1,6})\s*([smhd])$/.exec(older ?? '') ?? [];
  if (older !== undefined && amount === undefined) return 'An age is a number with its unit, such as 10m.';
  if (group !== undefined && !/^[0-9a-f]{12}$/.test(group)) return 'There is no such group of errors.';
  const subjects = about === undefined ? undefined : await findSubjects(db, about);
  if (subjects?.length === 0) return `No order, product or account is known as '${about}'.`;
  return {
    ...(state ? { state } : {}),
    ...(kind ? { kind } : {}),
    ...(error ? { error } : {}),
    ...(group ? { group } : {}),
    ...(subjects ? { subjects } : {}),
    ...(amount ? { olderThanSeconds: Number(amount) * secondsOf[unit!]! } : {}),
  };
}

export function toQuery(asked: AskedFilter): string {
  const query = new URLSearchParams();
  for (const name of names) if (asked[name] !== undefined) query.set(name, asked[name]);
  return query.toString();
}
