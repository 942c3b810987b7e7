// Counts outbox rows by state, for metrics, dashboard and operators.
// Counting stops at a limit, so that few rows are read.
import { sql } from 'kysely';
import type { Db, Tx } from '../schema.ts';
import { type OutboxKind, outboxKinds } from './events.ts';
import { conditions, type JobCount, type JobState, jobStates, orderOf } from './find-jobs.ts';

/** Counting stops here, so this number means "at least so many". */
export const countedTo = 10_000;

export interface OutboxDepth {
  /** Rows that are due and not done, of kinds that are not paused. */
  pending: number;
  /** Rows that are not done and have failed at least once. */
  failing: number;
  dead: number;
  /** Seconds that the oldest due row has waited, of kinds that are not paused; 0 where none waits. */
  lagSeconds: number;
}

export type JobCounts = Record<JobState, JobCount>;

/** Failing rows are counted separately, in the order of their next try. */
type CountedState = Exclude<JobState, 'failing'>;

type MeasuredKind = Partial<Record<CountedState, number>> & {
  kind: OutboxKind;
  isWorked: boolean;
  failing: number;
  /** How many failing rows are due. */
  dueAgain: number;
  /** Seconds that the oldest due row has waited; null where nothing is due. */
  oldestSeconds: number | null;
};

/**
 * Counts each row once, in one statement. Of a kind with more than 10,000 failing rows it reads those that are tried
 * next. Reads indexes only, no rows of the table: outbox_untried_covering, outbox_failing_covering, outbox_dead and
 * outbox_finished_by_kind.
 */
function measureKinds(db: Db, states: readonly CountedState[]): Promise<MeasuredKind[]> {
  const ofKind = (state: JobState) => sql`outbox.kind = kinds.kind and ${conditions[state]}`;
  // The order decides which index Postgres uses. With another one, it might read all of that index.
  const count = (state: CountedState) => sql`
    (select count(*) from (
      select from outbox where ${ofKind(state)} order by ${orderOf(state)} limit ${countedTo}) rows)::integer as ${sql.id(state)}`;
  return inOrderOfIndexes(db, async (tx) => {
    const { rows } = await sql<MeasuredKind>`
      select kinds.kind, not exists (select from paused_kinds where paused_kinds.kind = kinds.kind) as "isWorked",
        ${sql.join(states.map(count))}, tried.failing, tried."dueAgain",
        extract(epoch from statement_timestamp() - least(tried.oldest, (
          select due_at from outbox where ${ofKind('due')} order by ${orderOf('due')} limit 1)))::float as "oldestSeconds"
      from unnest(${outboxKinds}::text[]) as kinds (kind)
      cross join lateral (
        select count(*)::integer as failing, (count(*) filter (where is_due))::integer as "dueAgain",
          min(due_at) filter (where is_due) as oldest
        from (
          select due_at, due_at <= statement_timestamp() as is_due from outbox
          where ${ofKind('failing')} order by greatest(due_at, claimed_until) limit ${countedTo}) rows) tried`.execute(
      tx,
    );
    return rows;
  });
}

/** A paused kind does not count as late, because an operator wants it to wait. */
function depthOf(kinds: MeasuredKind[]): OutboxDepth {
  const sum = (counted: MeasuredKind[], pick: (kind: MeasuredKind) => number | null) =>
    Math.min(
      countedTo,
      counted.reduce((total, kind) => total + (pick(kind) ?? 0), 0),
    );
  const worked = kinds.filter(({ isWorked }) => isWorked);
  return {
    pending: sum(worked, ({ due = 0, dueAgain }) => due + dueAgain),
    failing: sum(kinds, ({ failing }) => failing),
    dead: sum(kinds, ({ dead = 0 }) => dead),
    lagSeconds: Math.max(0, ...worked.map(({ oldestSeconds }) => oldestSeconds ?? 0)),
  };
}

export async function measureOutbox(db: Db): Promise<OutboxDepth> {
  return depthOf(await measureKinds(db, ['due', 'dead']));
}

export interface CountedJobs {
  /** Each row counts once, in its state. `done` covers the days for which finished rows are kept. */
  counts: Record<OutboxKind, JobCounts>;
  depth: OutboxDepth;
}

export async function countJobs(db: Db): Promise<CountedJobs> {
  const kinds = await measureKinds(db, ['waiting', 'due', 'dead', 'done']);
  const toCount = (found = 0): JobCount => ({ count: found, more: found >= countedTo });
  const counts = Object.fromEntries(
    kinds.map((of) => [of.kind, Object.fromEntries(jobStates.map((state) => [state, toCount(of[state])]))]),
  ) as CountedJobs['counts'];
  return { counts, depth: depthOf(kinds) };
}

/**
 * Makes Postgres read indexes in order, so that counting can stop early. A bitmap would first read every matching
 * row, and a table scan mostly rows of other kinds.
 */
function inOrderOfIndexes<Result>(db: Db, read: (tx: Tx) => Promise<Result>): Promise<Result> {
  return db.transaction().execute(async (tx) => {
    // One message for all three settings, because each message may wait on a busy machine.
    await sql`set local enable_bitmapscan = off; set local enable_seqscan = off; set local enable_sort = off`.execute(
      tx,
    );
    return read(tx);
  });
}
