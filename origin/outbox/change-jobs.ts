// Changes jobs as operators ask: try again, give up, pause and resume a kind.
// Each action is logged with the operator who took it.
import { type RawBuilder, sql } from 'kysely';
import type { Db, DbOrTx, Tx } from '../schema.ts';
import type { OutboxKind } from './events.ts';
import { anyPartOf, findCandidates, type JobFilter, orderOf, partsOf, restOf } from './find-jobs.ts';

export interface JobChange {
  who: string;
  filter: JobFilter;
  /** Once it is aborted, the change stops between two batches. */
  signal?: AbortSignal;
}

export interface DeedOutcome {
  changed: number;
  /** Whether it stopped before the last batch. */
  more: boolean;
}

/** Makes jobs due now. A dead letter starts again with all its attempts. Finished jobs are not repeated. */
export function retryJobs(db: Db, deed: JobChange): Promise<DeedOutcome> {
  const isDead = sql`state = 'dead'`;
  return changeJobs(
    db,
    'retry',
    deed,
    (ids) => sql`
      update outbox set
        state = 'pending',
        failures = case when ${isDead} then 0 else failures end,
        first_failed_at = case when ${isDead} then null else first_failed_at end,
        due_at = least(due_at, clock_timestamp()), claimed_until = '-infinity', claimed_at = null
      where id = any(${ids}) and state <> 'done'
      returning id`,
  );
}

/**
 * Deletes jobs, so that their work is never done. Jobs that have not failed are deleted only if the filter names
 * their state.
 */
export function dropJobs(db: Db, deed: JobChange): Promise<DeedOutcome> {
  const mayDrop = deed.filter.state === undefined ? sql`(state = 'dead' or failure is not null)` : sql`true`;
  return changeJobs(
    db,
    'drop',
    deed,
    (ids) => sql`delete from outbox where id = any(${ids}) and state <> 'done' and ${mayDrop} returning id`,
  );
}

type Change = (ids: RawBuilder<unknown>) => RawBuilder<unknown>;

const batch = 5_000;
/** Jobs that a worker has claimed are skipped. */
const isFree = sql`(claimed_at is null or claimed_until < clock_timestamp())`;

async function changeJobs(
  db: Db,
  action: 'retry' | 'drop',
  { who, filter, signal }: JobChange,
  change: Change,
): Promise<DeedOutcome> {
  const logId = await addToLog(db, { who, action, target: describeFilter(filter), jobs: 0 });
  const outcome: DeedOutcome = { changed: 0, more: false };
  const note = async (tx: Tx, changed: number) => {
    outcome.changed += changed;
    await tx.updateTable('operator_log').set({ jobs: outcome.changed }).where('id', '=', logId).execute();
  };
  const candidates = await findCandidates(db, filter);
  if (candidates !== undefined) {
    await db
      .transaction()
      .execute(async (tx) => note(tx, await changeCandidates(tx, candidates, filter, change)));
    return outcome;
  }
  for (const part of partsOf(filter)) {
    for (let window: Window = { read: batch }; window.read === batch; ) {
      if (signal?.aborted) return { ...outcome, more: true };
      window = await db.transaction().execute(async (tx) => {
        const next = await changeWindow(tx, part, filter, { window, change });
        await note(tx, next.changed ?? 0);
        return next;
      });
    }
  }
  return outcome;
}

async function changeCandidates(tx: Tx, ids: string[], filter: JobFilter, change: Change): Promise<number> {
  const chosen = sql`
    select id from outbox
    where id = any(${ids}::bigint[]) and ${anyPartOf(filter)} and ${restOf(filter) ?? sql`true`} and ${isFree}
    order by id for update skip locked`;
  const { rows } = await change(sql`array(${chosen})`).execute(tx);
  return rows.length;
}

interface Window {
  /** Rows that were looked at. */
  read: number;
  changed?: number;
  lastPlace?: string;
  lastId?: string;
}

/** Changes the next rows of one state and kind, in the order of its index, so that no statement takes long. */
async function changeWindow(
  tx: Tx,
  { state, is }: ReturnType<typeof partsOf>[number],
  filter: JobFilter,
  { window, change }: { window: Window; change: Change },
): Promise<Window> {
  const order = orderOf(state, filter);
  const beyond =
    window.lastId === undefined
      ? sql`true`
      : sql`(${order}, id) > (${window.lastPlace}::timestamptz, ${window.lastId}::bigint)`;
  const { rows } = await sql<Window>`
    with looked_at as materialized (
      select id, ${order} as place, ${restOf(filter) ?? sql`true`} and ${isFree} as matches
      from outbox where ${is} and ${beyond} order by ${order}, id limit ${batch}),
    chosen as (
      select id from outbox
      where id = any(array(select id from looked_at where matches)) and ${is} for update skip locked),
    changed as (${change(sql`array(select id from chosen)`)})
    select (select count(*) from looked_at)::integer as read, (select count(*) from changed)::integer as changed,
      last.place::text as "lastPlace", last.id as "lastId"
    from (select) as always
    left join (select place, id from looked_at order by place desc, id desc limit 1) last on true`.execute(
    tx,
  );
  return rows[0]!;
}

/** Stops workers from beginning jobs of a kind; running ones finish. @returns whether it was not paused before */
export async function pauseKind(db: Db, kind: OutboxKind, who: string): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto('paused_kinds')
      .values({ kind, paused_by: who })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows === 0n) return false;
    await addToLog(tx, { who, action: 'pause', target: kind, jobs: null });
    return true;
  });
}

/** The caller must call `wakeWorker` afterwards. @returns whether it was paused before */
export async function resumeKind(db: Db, kind: OutboxKind, who: string): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const { numDeletedRows } = await tx
      .deleteFrom('paused_kinds')
      .where('kind', '=', kind)
      .executeTakeFirstOrThrow();
    if (numDeletedRows === 0n) return false;
    await addToLog(tx, { who, action: 'resume', target: kind, jobs: null });
    return true;
  });
}

export interface PausedKind {
  kind: string;
  pausedAt: Date;
  pausedBy: string;
}

export function readPausedKinds(db: Db): Promise<PausedKind[]> {
  return db
    .selectFrom('paused_kinds')
    .select(['kind', 'paused_at as pausedAt', 'paused_by as pausedBy'])
    .orderBy('kind')
    .execute();
}

interface LogEntry {
  who: string;
  action: string;
  target: string;
  jobs: number | null;
}

/** The log keeps its newest 10,000 entries. */
const mostLogged = 10_000;

export async function addToLog(db: DbOrTx, entry: LogEntry): Promise<string> {
  const { id } = await db
    .insertInto('operator_log')
    .values({ ...entry, who: entry.who.slice(0, 100), target: entry.target.slice(0, 500) })
    .returning('id')
    .executeTakeFirstOrThrow();
  await db
    .deleteFrom('operator_log')
    .where('id', '<=', String(BigInt(id) - BigInt(mostLogged)))
    .execute();
  return id;
}

export interface LoggedDeed extends LogEntry {
  id: string;
  at: Date;
}

/** Newest first. */
export function readLog(db: Db, limit: number, beforeId?: string): Promise<LoggedDeed[]> {
  return db
    .selectFrom('operator_log')
    .select(['id', 'at', 'who', 'action', 'target', 'jobs'])
    .$if(beforeId !== undefined, (query) => query.where('id', '<', beforeId!))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}

/** Describes a filter in words, for the log and for confirmations. */
export function describeFilter({
  ids,
  state,
  kind,
  error,
  group,
  subjects,
  olderThanSeconds,
}: JobFilter): string {
  const named = [
    ids && (ids.length === 1 ? `job ${ids[0]}` : `jobs ${ids.join(', ')}`),
    state && `state ${state}`,
    kind && `kind ${kind}`,
    error && `error "${error}"`,
    group && `group ${group}`,
    subjects && `about ${subjects.slice(0, 5).join(', ')}`,
    olderThanSeconds !== undefined && `older than ${olderThanSeconds} s`,
  ].filter(Boolean);
  return named.length === 0 ? 'all that failed' : named.join(', ');
}
