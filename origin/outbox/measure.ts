// Counts outbox rows by state, for metrics, dashboard and operators. Counting stops at a limit, so that few rows are
// read.
import { type RawBuilder, sql } from 'kysely';
import type { Db, Tx } from '../schema.ts';
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
const claimableAt = sql`greatest(due_at, claimed_until)`;

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

/** What operators are shown of each kind. A row stands in one of these states. */
export const jobStates = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;
export type JobCounts = Record<(typeof jobStates)[number], Count>;

export interface Count {
  count: number;
  /** Counting ended early: there may be more. */
  more: boolean;
}

interface CountedRows {
  kind: OutboxKind;
  due: number;
  failingDue: number;
  later: number;
  failingLater: number;
  active: number;
  failingActive: number;
  dead: number;
  completed: number;
}

/**
 * `failed` counts what is failed now: dead letters, and rows whose last attempt failed and that are not being tried
 * again at this moment. `completed` covers the days for which finished rows are kept. Indexes: outbox_open,
 * outbox_failing, outbox_claimed, outbox_dead, outbox_finished_by_kind.
 */
export function countJobs(db: Db): Promise<Record<OutboxKind, JobCounts>> {
  const ofKind = sql`outbox.kind = kinds.kind`;
  const isClaimed = sql`state = 'pending' and claimed_at is not null and claimed_until > statement_timestamp()`;
  const count = (condition: RawBuilder<unknown>, order = sql``) => sql`
    (select count(*) from (
      select from outbox where ${ofKind} and ${condition} ${order} limit ${countedTo}) rows)::integer`;
  // The order names the index: another could be read in vain from end to end.
  const isDue = sql`${claimableAt} <= statement_timestamp()`;
  const isLater = sql`${claimableAt} > statement_timestamp()`;
  const byClaimable = sql`order by ${claimableAt}`;
  return inOrderOfIndexes(db, async (tx) => {
    const { rows } = await sql<CountedRows>`
      select kinds.kind,
        ${count(sql`state = 'pending' and ${isDue}`, byClaimable)} as due,
        ${count(sql`${isFailing} and ${isDue}`, byClaimable)} as "failingDue",
        ${count(sql`state = 'pending' and ${isLater}`, byClaimable)} as later,
        ${count(sql`${isFailing} and ${isLater}`, byClaimable)} as "failingLater",
        ${count(isClaimed)} as active,
        ${count(sql`${isClaimed} and failure is not null`)} as "failingActive",
        ${count(sql`state = 'dead'`)} as dead,
        ${count(sql`state = 'done'`)} as completed
      from unnest(${outboxKinds}::text[]) as kinds (kind)`.execute(tx);
    return Object.fromEntries(rows.map((row) => [row.kind, toStates(row)])) as Record<OutboxKind, JobCounts>;
  });
}

function toStates(row: CountedRows): JobCounts {
  const { due, failingDue, later, failingLater, active, failingActive, dead, completed } = row;
  const isMore = (...counts: number[]) => counts.some((count) => count >= countedTo);
  const toCount = (count: number, more: boolean): Count => ({ count: Math.max(0, count), more });
  return {
    waiting: toCount(due - failingDue, isMore(due)),
    active: toCount(active, isMore(active)),
    delayed: toCount(later - failingLater - (active - failingActive), isMore(later)),
    completed: toCount(completed, isMore(completed)),
    failed: toCount(failingDue + failingLater - failingActive + dead, isMore(failingDue, failingLater, dead)),
  };
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
