// Failed outbox rows and dead letters: lists them, retries them, gives them up.
import { type SqlBool, sql } from 'kysely';
import type { Db } from '../schema.ts';
import { type OutboxKind, outboxKinds } from './events.ts';

export type FailedState = 'failing' | 'dead';
export const failedStates: FailedState[] = ['failing', 'dead'];

export interface FailedRow {
  id: string;
  kind: OutboxKind;
  state: FailedState;
  committedAt: Date;
  failures: number;
  /** Null for a dead letter. */
  nextTryAt: Date | null;
  failure: string | null;
}

/** All that hold. */
export interface FailedFilter {
  ids?: string[];
  state?: FailedState;
  kind?: OutboxKind;
  /** Part of the reason, in any case. */
  error?: string;
  olderThanSeconds?: number;
}

const columns = sql`
  id, kind, case when state = 'dead' then 'dead' else 'failing' end as state, committed_at as "committedAt", failures,
  case when state = 'pending' then greatest(due_at, claimed_until) end as "nextTryAt", failure`;

/**
 * Newest first. Each state of each kind is read by itself, in the order of its index: outbox_failing_newest,
 * outbox_dead.
 */
export async function listFailedRows(db: Db, filter: FailedFilter, limit: number): Promise<FailedRow[]> {
  const parts = partsOf(filter).map(
    (part) =>
      sql`(select ${columns} from outbox where ${part} and ${restOf(filter)} order by committed_at desc, id desc limit ${limit})`,
  );
  const { rows } = await sql<FailedRow>`
    select * from (${sql.join(parts, sql` union all `)}) listed order by "committedAt" desc, id desc limit ${limit}`.execute(
    db,
  );
  return rows;
}

/** @returns how many, counted to `most` */
export async function countFailedRows(db: Db, filter: FailedFilter, most: number): Promise<number> {
  const parts = partsOf(filter).map(
    (part) => sql`(select from outbox where ${part} and ${restOf(filter)} limit ${most})`,
  );
  const { rows } = await sql<{ count: number }>`
    select least(${most}, count(*))::integer as count from (${sql.join(parts, sql` union all `)}) found`.execute(
    db,
  );
  return rows[0]!.count;
}

export interface JobDetails extends Omit<FailedRow, 'state'> {
  state: FailedState | 'pending' | 'done';
  attempts: number;
  firstFailedAt: Date | null;
  doneAt: Date | null;
  payload: unknown;
}

/** Any row, failed or not. @returns undefined where there is none */
export async function readJob(db: Db, id: string): Promise<JobDetails | undefined> {
  const { rows } = await sql<JobDetails>`
    select ${columns}, case when state = 'pending' and failure is not null then 'failing' else state end as state,
      attempt as attempts, first_failed_at as "firstFailedAt", done_at as "doneAt", payload
    from outbox where id = ${id}`.execute(db);
  return rows[0];
}

/** Makes them due now. A dead letter begins anew, with all its attempts. @returns how many */
export function retryFailedRows(db: Db, filter: FailedFilter): Promise<number> {
  const isDead = sql`state = 'dead'`;
  return changeInBatches(
    db,
    filter,
    (rows) => sql`
      update outbox set
        state = 'pending',
        failures = case when ${isDead} then 0 else failures end,
        first_failed_at = case when ${isDead} then null else first_failed_at end,
        due_at = least(due_at, clock_timestamp()), claimed_until = '-infinity', claimed_at = null
      where ${rows}`,
    // Else those that were made due a moment ago would be found again, and again.
    sql`(state = 'dead' or greatest(due_at, claimed_until) > clock_timestamp())`,
  );
}

/** Gives them up; what they asked for stays undone. @returns how many */
export function dropFailedRows(db: Db, filter: FailedFilter): Promise<number> {
  return changeInBatches(db, filter, (rows) => sql`delete from outbox where ${rows}`, sql`true`);
}

const batch = 5_000;

/** Batch by batch, so that no statement takes long. What is worked at this moment is passed over. */
async function changeInBatches(
  db: Db,
  filter: FailedFilter,
  change: (rows: ReturnType<typeof sql>) => ReturnType<typeof sql>,
  also: ReturnType<typeof sql>,
): Promise<number> {
  const isFree = sql`(claimed_at is null or claimed_until < clock_timestamp())`;
  let changed = 0;
  for (const part of partsOf(filter)) {
    for (let inBatch = batch; inBatch === batch; ) {
      const chosen = sql`
        select id from outbox where ${part} and ${restOf(filter)} and ${isFree} and ${also}
        order by id limit ${batch} for update skip locked`;
      const { numAffectedRows } = await change(sql`id = any(array(${chosen}))`).execute(db);
      inBatch = Number(numAffectedRows);
      changed += inBatch;
    }
  }
  return changed;
}

/** A condition for each state and kind that is asked for, which its index answers. */
function partsOf({ state, kind }: FailedFilter) {
  const states = state === undefined ? failedStates : [state];
  const kinds = kind === undefined ? outboxKinds : [kind];
  return states.flatMap((one) =>
    kinds.map((of) =>
      one === 'dead'
        ? sql<SqlBool>`state = 'dead' and kind = ${of}`
        : sql<SqlBool>`state = 'pending' and failure is not null and kind = ${of}`,
    ),
  );
}

function restOf({ ids, error, olderThanSeconds }: FailedFilter) {
  const conditions = [sql`true`];
  if (ids !== undefined) conditions.push(sql`id = any(${ids}::bigint[])`);
  if (error !== undefined) conditions.push(sql`position(lower(${error}) in lower(failure)) > 0`);
  if (olderThanSeconds !== undefined)
    conditions.push(sql`committed_at < now() - make_interval(secs => ${olderThanSeconds})`);
  return sql.join(conditions, sql` and `);
}
