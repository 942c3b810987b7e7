// An outbox row's life after the commit: claimed by a lease, worked, then done; or tried again, and in the end set aside with its reason.
import { sql } from 'kysely';
import type { Db, DbOrTx } from '../postgres/database.ts';
import type { OutboxKind } from './events.ts';

export interface OutboxRow {
  id: string;
  kind: OutboxKind;
  payload: unknown;
  /** Counts claims; a row that was claimed by somebody else since has a higher one. */
  attempt: number;
  traceparent: string | null;
  committedAt: Date;
}

/** Short, so that a killed worker's rows are soon another's; renewed while they are worked. */
const claimSeconds = 5;
const mostFailures = 12;

/** Index: outbox_unfinished. @returns those of `kinds` of which rows can be claimed. */
export async function findDueKinds(db: Db, kinds: OutboxKind[]): Promise<OutboxKind[]> {
  const { rows } = await sql<{ kind: OutboxKind }>`
    select distinct kind from outbox
    where state = 'pending' and kind = any(${kinds})
      and due_at <= clock_timestamp() and claimed_until < clock_timestamp()`.execute(db);
  return rows.map((row) => row.kind);
}

/**
 * Claims due rows, oldest first. Never by "id > cursor": ids commit out of order. Index: outbox_unfinished.
 * @param overdueSeconds only rows that have been due for so long
 */
export async function claimRows(
  db: Db,
  kinds: OutboxKind[],
  limit: number,
  overdueSeconds = 0,
): Promise<OutboxRow[]> {
  const { rows } = await sql<OutboxRow>`
    update outbox set
      attempt = attempt + 1,
      claimed_until = clock_timestamp() + make_interval(secs => ${claimSeconds})
    where id in (
      select id from outbox
      where state = 'pending' and kind = any(${kinds})
        and due_at <= clock_timestamp() - make_interval(secs => ${overdueSeconds})
        and claimed_until < clock_timestamp()
      order by due_at, id
      limit ${limit}
      for update skip locked)
    returning id, kind, payload, attempt, traceparent, committed_at as "committedAt"`.execute(db);
  return rows;
}

/** Call before the work begins, and every second or two while it goes on. @returns whether the row is still this claim's to work. */
export async function renewClaim(db: Db, row: OutboxRow): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('outbox')
    .set({ claimed_until: sql`clock_timestamp() + make_interval(secs => ${claimSeconds})` })
    .where('id', '=', row.id)
    .where('attempt', '=', row.attempt)
    .where('state', '=', 'pending')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** @returns the seconds since the change was committed, both by Postgres' clock; undefined where another claim was first. */
export async function finishWork(db: Db, row: OutboxRow): Promise<number | undefined> {
  const { rows } = await sql<{ seconds: number }>`
    update outbox set state = 'done', done_at = clock_timestamp(), failure = null
    where id = ${row.id} and state = 'pending'
    returning extract(epoch from done_at - committed_at)::float as seconds`.execute(db);
  return rows[0]?.seconds;
}

interface WorkFailure {
  reason: string;
  /** Something outside did not answer: that says nothing against the row, which is tried for as long as it takes. */
  isOutage: boolean;
  /** The longest pause, in seconds, while the outage lasts. */
  outagePauseSeconds: number;
}

/**
 * Tried again after a growing, jittered pause; after twelve failures the row is set aside as a dead letter with its reason. The pause
 * is a claim that nobody holds: `due_at` stays, so that what waits longest goes first and its wait is told truly.
 */
export async function failWork(db: Db, row: OutboxRow, failure: WorkFailure): Promise<'again' | 'dead'> {
  const counted = failure.isOutage ? 0 : 1;
  const mostPauseSeconds = failure.isOutage ? failure.outagePauseSeconds : 300;
  const { rows } = await sql<{ state: string }>`
    update outbox set
      failures = failures + ${counted},
      state = case when failures + ${counted} >= ${mostFailures} then 'dead' else 'pending' end,
      failure = ${failure.reason.slice(0, 2_000)},
      claimed_until = clock_timestamp()
        + make_interval(secs => least(0.25 * 2 ^ least(${failure.isOutage ? sql.ref('attempt') : sql.ref('failures')}, 16), ${mostPauseSeconds}) * (0.5 + random()))
    where id = ${row.id} and attempt = ${row.attempt} and state = 'pending'
    returning state`.execute(db);
  return rows[0]?.state === 'dead' ? 'dead' : 'again';
}

/** Gives a claim back that was not begun, such as when the queue would not take it. */
export async function releaseClaims(db: Db, rows: OutboxRow[]): Promise<void> {
  if (rows.length === 0) return;
  await db
    .updateTable('outbox')
    .set({ claimed_until: sql`'-infinity'` })
    .where(
      'id',
      'in',
      rows.map((row) => row.id),
    )
    .where('state', '=', 'pending')
    .execute();
}

/** So many a call, however many wait: one statement that took too long would be undone each time, and never catch up. */
const mostPruned = 20_000;

/** Finished rows and idempotency keys past their seven days. Indexes: outbox_finished, idempotency_keys_by_age. */
export async function pruneOutbox(db: DbOrTx): Promise<void> {
  await sql`
    delete from outbox where ctid = any(array(
      select ctid from outbox where state = 'done' and done_at < now() - interval '7 days' limit ${mostPruned}))`.execute(
    db,
  );
  await sql`
    delete from idempotency_keys where ctid = any(array(
      select ctid from idempotency_keys where created_at < now() - interval '7 days' limit ${mostPruned}))`.execute(
    db,
  );
}
