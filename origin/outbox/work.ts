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

export async function finishWork(db: Db, row: OutboxRow): Promise<void> {
  await db
    .updateTable('outbox')
    .set({ state: 'done', done_at: sql`clock_timestamp()`, failure: null })
    .where('id', '=', row.id)
    .where('state', '=', 'pending')
    .execute();
}

/** Tried again after a growing, jittered pause; after twelve failures the row is set aside as a dead letter with its reason. */
export async function failWork(db: Db, row: OutboxRow, reason: string): Promise<'again' | 'dead'> {
  const { rows } = await sql<{ state: string }>`
    update outbox set
      failures = failures + 1,
      state = case when failures + 1 >= ${mostFailures} then 'dead' else 'pending' end,
      failure = ${reason.slice(0, 2_000)},
      due_at = clock_timestamp()
        + make_interval(secs => least(0.25 * 2 ^ failures, 300) * (0.5 + random())),
      claimed_until = '-infinity'
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

export interface OutboxDepth {
  pending: number;
  dead: number;
  /** Seconds that the oldest due row has waited; 0 where none waits. */
  lagSeconds: number;
}

export async function measureOutbox(db: Db): Promise<OutboxDepth> {
  const { rows } = await sql<OutboxDepth>`
    select
      count(*) filter (where state = 'pending' and due_at <= clock_timestamp())::integer as pending,
      count(*) filter (where state = 'dead')::integer as dead,
      coalesce(extract(epoch from clock_timestamp() - min(due_at)
        filter (where state = 'pending' and due_at <= clock_timestamp())), 0)::float as "lagSeconds"
    from outbox where state <> 'done'`.execute(db);
  return rows[0]!;
}

export interface DeadRow {
  id: string;
  kind: string;
  committedAt: Date;
  failure: string | null;
}

/** Newest first. */
export function listDeadRows(db: Db, limit: number): Promise<DeadRow[]> {
  return db
    .selectFrom('outbox')
    .select(['id', 'kind', 'committed_at as committedAt', 'failure'])
    .where('state', '=', 'dead')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}

/** Brings dead letters back; for operators. @returns how many. */
export async function reviveDeadRows(db: Db, ids?: string[]): Promise<number> {
  let query = db
    .updateTable('outbox')
    .set({ state: 'pending', failures: 0, due_at: sql`clock_timestamp()`, claimed_until: sql`'-infinity'` })
    .where('state', '=', 'dead');
  if (ids !== undefined) query = query.where('id', 'in', ids);
  return Number((await query.executeTakeFirst()).numUpdatedRows);
}

/** Finished rows and idempotency keys past their seven days. */
export async function pruneOutbox(db: DbOrTx): Promise<void> {
  await sql`delete from outbox where state = 'done' and done_at < now() - interval '7 days'`.execute(db);
  await sql`delete from idempotency_keys where created_at < now() - interval '7 days'`.execute(db);
}
