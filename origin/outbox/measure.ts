// Counts outbox rows by state, for metrics, dashboard and operators. Counting stops at a limit, so that few rows are
// read.
import { sql } from 'kysely';
import type { Db, Tx } from '../schema.ts';
import { type OutboxKind, outboxKinds } from './events.ts';
import { conditions, type JobCount, type JobState, jobStates, orderOf } from './find-jobs.ts';

/** Where counting ends: so many means so many or more. */
export const countedTo = 10_000;

export interface OutboxDepth {
  /** Due and not done, of kinds that are not paused. */
  pending: number;
  /** Not done, and tried in vain at least once. */
  failing: number;
  dead: number;
  /** Seconds that the oldest due row has waited, of kinds that are not paused; 0 where none waits. */
  lagSeconds: number;
}

/**
 * A paused kind is not late: somebody wants it to wait. Of a kind with more than 10,000 failing rows, those that are
 * tried next are looked at. Indexes: outbox_untried, outbox_failing, outbox_dead.
 */
export function measureOutbox(db: Db): Promise<OutboxDepth> {
  const order = orderOf('due');
  return inOrderOfIndexes(db, async (tx) => {
    const { rows } = await sql<OutboxDepth>`
      with kinds as materialized (
        select kind, not exists (select from paused_kinds where paused_kinds.kind = kinds.kind) as is_worked
        from unnest(${outboxKinds}::text[]) as kinds (kind)),
      untried as materialized (
        select first.due_at, rest.count from kinds
        cross join lateral (
          select due_at from outbox
          where outbox.kind = kinds.kind and ${conditions.due} order by ${order}, id limit 1) first
        cross join lateral (
          select count(*) from (
            select from outbox
            where outbox.kind = kinds.kind and ${conditions.due} order by ${order} limit ${countedTo}) rows) rest
        where is_worked),
      failing as materialized (
        select tried.due_at, is_worked and tried.due_at <= statement_timestamp() as is_due
        from kinds cross join lateral (
          select due_at from outbox
          where outbox.kind = kinds.kind and ${conditions.failing}
          order by greatest(due_at, claimed_until) limit ${countedTo}) tried)
      select
        least(${countedTo}, coalesce((select sum(count) from untried), 0)
          + (select count(*) from failing where is_due))::integer as pending,
        least(${countedTo}, (select count(*) from failing))::integer as failing,
        (select count(*) from (select from outbox where state = 'dead' limit ${countedTo}) rows)::integer as dead,
        coalesce(extract(epoch from statement_timestamp() - least(
          (select min(due_at) from untried), (select min(due_at) from failing where is_due))), 0)::float as "lagSeconds"`.execute(
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
