// How the work stands, as Postgres has it: for metrics, dashboard and operators. However many rows there are, few are read.
import { sql } from 'kysely';
import type { Db } from '../postgres/database.ts';
import { type OutboxKind, outboxKinds } from './events.ts';

/** Where counting ends: so many means so many or more. */
export const countedTo = 10_000;

export interface OutboxDepth {
  /** Due and not done. */
  pending: number;
  /** Not done, and tried in vain at least once. */
  failing: number;
  dead: number;
  /** Seconds that the oldest due row has waited; 0 where none waits. */
  lagSeconds: number;
}

const isFailing = sql`state = 'pending' and failure is not null`;

/** Indexes: outbox_unfinished, outbox_failing, outbox_dead. */
export async function measureOutbox(db: Db): Promise<OutboxDepth> {
  const { rows } = await sql<OutboxDepth>`
    with due as materialized (
      select due_at from outbox
      where state = 'pending' and due_at <= statement_timestamp()
      order by due_at limit ${countedTo})
    select
      (select count(*) from due)::integer as pending,
      (select count(*) from (select from outbox where ${isFailing} limit ${countedTo}) rows)::integer as failing,
      (select count(*) from (select from outbox where state = 'dead' limit ${countedTo}) rows)::integer as dead,
      coalesce(extract(epoch from statement_timestamp() - (select min(due_at) from due)), 0)::float as "lagSeconds"`.execute(
    db,
  );
  return rows[0]!;
}

/** What operators are shown of each kind. A row stands in one of these states. */
export const jobStates = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;
export type JobCounts = Record<(typeof jobStates)[number], number>;

/**
 * `failed` counts what is failed now: dead letters, and rows whose last attempt failed. `completed` covers the days that finished rows
 * are kept. Of the due and of the delayed rows the first 10,000 are looked at. Indexes: outbox_open, outbox_claimed, outbox_failing,
 * outbox_dead, outbox_finished_by_kind.
 */
export async function countJobs(db: Db): Promise<Record<OutboxKind, JobCounts>> {
  const isClaimed = sql`claimed_at is not null and claimed_until > statement_timestamp()`;
  const claimableAt = sql`greatest(due_at, claimed_until)`;
  const ofKind = sql`outbox.kind = kinds.kind`;
  const { rows } = await sql<JobCounts & { kind: OutboxKind }>`
    select kinds.kind,
      (select count(*) from (
        select failure from outbox
        where state = 'pending' and ${ofKind} and ${claimableAt} <= statement_timestamp()
        order by ${claimableAt} limit ${countedTo}) due where failure is null)::integer as waiting,
      (select count(*) from outbox
        where state = 'pending' and ${ofKind} and ${isClaimed})::integer as active,
      (select count(*) from (
        select failure, ${isClaimed} as claimed from outbox
        where state = 'pending' and ${ofKind} and ${claimableAt} > statement_timestamp()
        order by ${claimableAt} limit ${countedTo}) later where failure is null and not claimed)::integer as delayed,
      (select count(*) from (
        select from outbox where state = 'done' and ${ofKind} limit ${countedTo}) finished)::integer as completed,
      (select least(${countedTo}, count(*)) from (
        (select from outbox where ${isFailing} and ${ofKind} and not (${isClaimed}) limit ${countedTo})
        union all
        (select from outbox where state = 'dead' and ${ofKind} limit ${countedTo})) failed)::integer as failed
    from unnest(${outboxKinds}::text[]) as kinds (kind)`.execute(db);
  return Object.fromEntries(rows.map(({ kind, ...counts }) => [kind, counts])) as Record<
    OutboxKind,
    JobCounts
  >;
}
