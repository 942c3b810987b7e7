// Counts outbox rows by state, for metrics, dashboard and operators. Counting stops at a limit, so that few rows are
// read.
import { sql } from 'kysely';
import type { Db, Tx } from '../schema.ts';
import { type OutboxKind, outboxKinds } from './events.ts';
import { conditions, type JobCount, type JobState, jobStates, orderOf } from './find-jobs.ts';

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
export function measureOutbox(db: Db): Promise<OutboxDepth> {
  return inOrderOfIndexes(db, async (tx) => {
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
      tx,
    );
    return rows[0]!;
  });
}

export type JobCounts = Record<JobState, JobCount>;

/**
 * Each row counts once, in its state. `done` covers the days for which finished rows are kept. Indexes:
 * outbox_untried, outbox_failing_newest, outbox_dead, outbox_finished_by_kind.
 */
export function countJobs(db: Db): Promise<Record<OutboxKind, JobCounts>> {
  // The order names the index: another could be read in vain from end to end.
  const count = (state: JobState) => sql`
    (select count(*) from (
      select from outbox where outbox.kind = kinds.kind and ${conditions[state]}
      order by ${orderOf(state)} limit ${countedTo}) rows)::integer as ${sql.id(state)}`;
  return inOrderOfIndexes(db, async (tx) => {
    const { rows } = await sql<{ kind: OutboxKind } & Record<JobState, number>>`
      select kinds.kind, ${sql.join(jobStates.map(count))}
      from unnest(${outboxKinds}::text[]) as kinds (kind)`.execute(tx);
    const toCount = (found: number): JobCount => ({ count: found, more: found >= countedTo });
    return Object.fromEntries(
      rows.map(({ kind, ...counts }) => [
        kind,
        Object.fromEntries(Object.entries(counts).map(([state, found]) => [state, toCount(found)])),
      ]),
    ) as Record<OutboxKind, JobCounts>;
  });
}

/** Up to a limit. A bitmap would first be made of all that there is, and a table is mostly rows of other kinds. */
function inOrderOfIndexes<Result>(db: Db, read: (tx: Tx) => Promise<Result>): Promise<Result> {
  return db.transaction().execute(async (tx) => {
    await sql`set local enable_bitmapscan = off`.execute(tx);
    await sql`set local enable_seqscan = off`.execute(tx);
    await sql`set local enable_sort = off`.execute(tx);
    return read(tx);
  });
}
