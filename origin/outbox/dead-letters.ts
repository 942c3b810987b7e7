// Rows that were set aside after their last try, and how the rest stands: for metrics, dashboard and operators.
import { sql } from 'kysely';
import type { Db } from '../postgres/database.ts';

export interface OutboxDepth {
  pending: number;
  /** Of those, tried at least once in vain. */
  failing: number;
  dead: number;
  /** Seconds that the oldest due row has waited; 0 where none waits. */
  lagSeconds: number;
}

export async function measureOutbox(db: Db): Promise<OutboxDepth> {
  const { rows } = await sql<OutboxDepth>`
    select
      count(*) filter (where state = 'pending' and due_at <= clock_timestamp())::integer as pending,
      count(*) filter (where state = 'pending' and failure is not null)::integer as failing,
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

/** Gives dead letters up; what they asked for stays undone. @returns how many. */
export async function dropDeadRows(db: Db, ids: string[]): Promise<number> {
  if (ids.length === 0) return 0;
  const { numDeletedRows } = await db
    .deleteFrom('outbox')
    .where('state', '=', 'dead')
    .where('id', 'in', ids)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
