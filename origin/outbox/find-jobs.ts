// Finds outbox rows for operators by state, kind, error and subject; it lists, counts and groups them.
import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Db } from '../schema.ts';
import { type OutboxKind, outboxKinds } from './events.ts';

/**
 * A row is in one of these states. `waiting` is due later, `due` has not failed and may be worked now, `failing`
 * failed and is tried again, `dead` was given up.
 */
export const jobStates = ['waiting', 'due', 'failing', 'dead', 'done'] as const;
export type JobState = (typeof jobStates)[number];
export const failedStates: JobState[] = ['failing', 'dead'];

/** All conditions must hold. Without a state it means failed jobs; with ids or subjects, jobs of any state. */
export interface JobFilter {
  ids?: string[];
  state?: JobState;
  kind?: OutboxKind;
  /** Part of the error's text, in upper or lower case. */
  error?: string;
  /** The fingerprint of an error. */
  group?: string;
  /** Jobs about one of these, such as `order:7`. */
  subjects?: string[];
  olderThanSeconds?: number;
}

export interface Job {
  id: string;
  kind: OutboxKind;
  state: JobState;
  committedAt: Date;
  /** How often it was claimed. */
  attempts: number;
  failures: number;
  /** Null for dead and finished jobs. */
  nextTryAt: Date | null;
  doneAt: Date | null;
  failure: string | null;
  /** Names this row's place in its list. */
  cursor: string;
}

const isUntried = sql`state = 'pending' and failure is null`;
/**
 * Written as in the index outbox_untried_covering. No other index has this order, so Postgres cannot choose a wrong one
 * and read all of it.
 */
const dueAt = sql`greatest(due_at, '-infinity'::timestamptz)`;
export const conditions: Record<JobState, RawBuilder<SqlBool>> = {
  waiting: sql<SqlBool>`${isUntried} and ${dueAt} > statement_timestamp()`,
  due: sql<SqlBool>`${isUntried} and ${dueAt} <= statement_timestamp()`,
  failing: sql<SqlBool>`state = 'pending' and failure is not null`,
  dead: sql<SqlBool>`state = 'dead'`,
  done: sql<SqlBool>`state = 'done'`,
};
const stateName = sql`
  case when state <> 'pending' then state when failure is not null then 'failing'
    when due_at > statement_timestamp() then 'waiting' else 'due' end`;
const columns = sql`
  id, kind, ${stateName} as state, committed_at as "committedAt", attempt as attempts, failures,
  case when state = 'pending' then greatest(due_at, claimed_until) end as "nextTryAt", done_at as "doneAt", failure`;

/**
 * The order in which each state is listed. Indexes: outbox_untried_covering, outbox_failing_newest, outbox_dead,
 * outbox_finished_by_kind; for a group outbox_error_groups.
 */
export function orderOf(state: JobState, { group }: JobFilter = {}) {
  if (group !== undefined) return sql`failed_at`;
  if (state === 'done') return sql`done_at`;
  return state === 'waiting' || state === 'due' ? dueAt : sql`committed_at`;
}

export interface ListOptions {
  limit: number;
  /** A cursor of the last page. */
  after?: string | undefined;
  /** How many rows of each state and kind are searched for a text or an age; all where it is absent. */
  searchAtMost?: number;
}

/** Lists waiting and due jobs in the order in which they are worked, and all others newest first. */
export async function listJobs(db: Db, filter: JobFilter, options: ListOptions): Promise<Job[]> {
  const candidates = await findCandidates(db, filter);
  if (candidates !== undefined) return listCandidates(db, filter, candidates, options);
  const { limit, after, searchAtMost } = options;
  const isAscending = filter.state === 'waiting' || filter.state === 'due';
  const direction = isAscending ? sql`asc` : sql`desc`;
  const rest = restOf(filter);
  const parts = partsOf(filter).map(({ state, is }) => {
    const order = orderOf(state, filter);
    const beyond = afterCursor(order, after, isAscending);
    const searched = sql`
      select *, ${order} as place from outbox where ${is} and ${beyond}
      order by ${order} ${direction}, id ${direction} limit ${rest === undefined ? limit : (searchAtMost ?? null)}`;
    return rest === undefined
      ? sql`(${searched})`
      : sql`(select * from (${searched}) searched where ${rest} limit ${limit})`;
  });
  const { rows } = await sql<Job>`
    select ${columns}, (extract(epoch from place) * 1000000)::bigint::text || '_' || id as cursor
    from (${sql.join(parts, sql` union all `)}) listed order by place ${direction}, id ${direction} limit ${limit}`.execute(
    db,
  );
  return rows;
}

async function listCandidates(
  db: Db,
  filter: JobFilter,
  candidates: string[],
  { limit, after }: ListOptions,
): Promise<Job[]> {
  const beyond = /^\d{1,18}$/.test(after ?? '') ? sql`id < ${after}` : sql`true`;
  const { rows } = await sql<Job>`
    select ${columns}, id as cursor from outbox
    where id = any(${candidates}::bigint[]) and ${anyPartOf(filter)} and ${restOf(filter) ?? sql`true`} and ${beyond}
    order by id desc limit ${limit}`.execute(db);
  return rows;
}

function afterCursor(order: RawBuilder<unknown>, after: string | undefined, isAscending: boolean) {
  const [, micros, id] = /^(\d{1,18})_(\d{1,18})$/.exec(after ?? '') ?? [];
  if (micros === undefined) return sql`true`;
  const place = sql`('epoch'::timestamptz + ${micros}::bigint * interval '1 microsecond', ${id}::bigint)`;
  return isAscending ? sql`(${order}, id) > ${place}` : sql`(${order}, id) < ${place}`;
}

export interface JobCount {
  count: number;
  /** Counting stopped early, so there may be more. */
  more: boolean;
}

/** @param most counting stops at this number */
export async function countMatching(
  db: Db,
  filter: JobFilter,
  most: number,
  searchAtMost?: number,
): Promise<JobCount> {
  const candidates = await findCandidates(db, filter);
  const rest = restOf(filter);
  if (candidates !== undefined) {
    const { rows } = await sql<{ count: number }>`
      select count(*)::integer as count from outbox
      where id = any(${candidates}::bigint[]) and ${anyPartOf(filter)} and ${rest ?? sql`true`}`.execute(db);
    return { count: rows[0]!.count, more: isCut(filter, candidates) };
  }
  const parts = partsOf(filter).map(({ state, is }) => {
    // The order makes Postgres use the state's index.
    const searched = sql`
      select ${rest ?? sql`true`} as matches from outbox where ${is}
      order by ${orderOf(state, filter)} desc limit ${rest === undefined ? most : (searchAtMost ?? null)}`;
    return sql`
      select count(*) filter (where matches) as found, ${searchAtMost !== undefined && rest !== undefined ? sql`count(*) >= ${searchAtMost}` : sql`false`} as cut
      from (${searched}) searched`;
  });
  const { rows } = await sql<{ count: number; cut: boolean }>`
    select least(${most}, sum(found))::integer as count, bool_or(cut) as cut
    from (${sql.join(parts, sql` union all `)}) parts`.execute(db);
  const { count, cut } = rows[0]!;
  return { count, more: cut || count >= most };
}

export interface JobDetails extends Job {
  payload: unknown;
  firstFailedAt: Date | null;
  group: string | null;
  cause: string | null;
  requestedAt: Date | null;
  claimedAt: Date | null;
  traceparent: string | null;
}

/** @returns undefined where there is no such job */
export async function readJob(db: Db, id: string): Promise<JobDetails | undefined> {
  return (await readJobs(db, [id]))[0];
}

/** In order of their ids. */
export async function readJobs(db: Db, ids: string[]): Promise<JobDetails[]> {
  const { rows } = await sql<JobDetails>`
    select ${columns}, id as cursor, payload, coalesce(first_failed_at, error_since) as "firstFailedAt",
      fingerprint as group, cause, requested_at as "requestedAt", claimed_at as "claimedAt", traceparent
    from outbox where id = any(${ids}::bigint[]) order by id`.execute(db);
  return rows;
}

export interface ErrorGroup {
  group: string;
  kind: OutboxKind;
  failing: number;
  dead: number;
  count: number;
  /** Counting stopped early, so there may be more. */
  more: boolean;
  firstSeen: Date;
  lastSeen: Date;
  /** The newest error of the group. */
  error: string;
  jobId: string;
}

interface StateGroup extends Omit<ErrorGroup, 'failing' | 'dead' | 'more'> {
  state: 'failing' | 'dead';
}

/** The most groups that one page shows. Each costs a few reads. */
const mostGroups = 200;

/**
 * Groups failing and dead jobs by the fingerprint of their error, the largest group first. Index:
 * outbox_error_groups.
 * @param most how many rows of each group are counted, or searched for a text or an age
 */
export async function groupErrors(db: Db, filter: JobFilter, most: number): Promise<ErrorGroup[]> {
  const candidates = await findCandidates(db, filter);
  const among = candidates === undefined ? sql`true` : sql`id = any(${candidates}::bigint[])`;
  const keys = partsOf(filter)
    .filter(({ state }) => state === 'failing' || state === 'dead')
    .map(({ state, kind }) => sql`(${state === 'dead' ? 'dead' : 'pending'}, ${kind}::text)`);
  if (keys.length === 0) return [];
  const ofGroup = sql`
    outbox.state = groups.state and outbox.kind = groups.kind and outbox.fingerprint = groups.fingerprint`;
  const next = (key: RawBuilder<unknown>, beyond: RawBuilder<unknown>) => sql`
    select ${key}.state, ${key}.kind, (
      select fingerprint from outbox
      where outbox.state = ${key}.state and outbox.kind = ${key}.kind and ${beyond}
      order by fingerprint limit 1) as fingerprint`;
  const named =
    filter.group === undefined ? sql`fingerprint is not null` : sql`fingerprint = ${filter.group}`;
  const later = filter.group === undefined ? sql`fingerprint > groups.fingerprint` : sql`false`;
  const { rows } = await sql<StateGroup>`
    with recursive keys (state, kind) as (values ${sql.join(keys)}),
    groups as (
      ${next(sql`keys`, named)} from keys
      union all
      ${next(sql`groups`, later)} from groups where groups.fingerprint is not null)
    select groups.fingerprint as "group", groups.kind, case groups.state when 'dead' then 'dead' else 'failing' end as state,
      counted.count, counted."firstSeen", counted."lastSeen", newest.failure as error, newest.id as "jobId"
    from (select * from groups where fingerprint is not null limit ${mostGroups}) groups
    cross join lateral (
      select count(*)::integer as count, min(error_since) as "firstSeen", max(failed_at) as "lastSeen"
      from (select * from outbox where ${ofGroup} and ${among} order by failed_at desc limit ${most}) looked_at
      where ${restOf({ ...filter, group: undefined }) ?? sql`true`}) counted
    cross join lateral (
      select id, failure from outbox where ${ofGroup} and ${among} order by failed_at desc limit 1) newest
    where counted.count > 0`.execute(db);
  return mergeStates(rows, most);
}

function mergeStates(rows: StateGroup[], most: number): ErrorGroup[] {
  const groups = new Map<string, ErrorGroup>();
  for (const { state, ...row } of rows) {
    const key = `${row.kind} ${row.group}`;
    const known = groups.get(key) ?? { ...row, count: 0, failing: 0, dead: 0, more: false };
    known[state] += row.count;
    known.count += row.count;
    known.more ||= row.count >= most;
    if (row.firstSeen < known.firstSeen) known.firstSeen = row.firstSeen;
    if (row.lastSeen > known.lastSeen) Object.assign(known, { lastSeen: row.lastSeen, error: row.error });
    groups.set(key, known);
  }
  return [...groups.values()].sort((a, b) => b.count - a.count || Number(b.lastSeen) - Number(a.lastSeen));
}

/** How many of a subject's jobs are looked at; the newest are taken. */
const mostOfSubjects = 5_000;

/** Tells whether a subject has more jobs than were looked at. */
function isCut({ subjects }: JobFilter, candidates: string[]): boolean {
  return subjects !== undefined && candidates.length >= mostOfSubjects;
}

/** @returns the ids that the filter allows; undefined where it names neither ids nor subjects */
export async function findCandidates(db: Db, { ids, subjects }: JobFilter): Promise<string[] | undefined> {
  if (subjects === undefined) return ids;
  const { rows } = await sql<{ id: string }>`
    select distinct found.id from unnest(${subjects}::text[]) as named (subject)
    cross join lateral (
      select job_id as id from job_subjects where subject = named.subject
      order by job_id desc limit ${mostOfSubjects}) found
    order by id desc limit ${mostOfSubjects}`.execute(db);
  const found = rows.map((row) => row.id);
  return ids === undefined ? found : found.filter((id) => ids.includes(id));
}

interface FilterPart {
  state: JobState;
  kind: OutboxKind;
  is: RawBuilder<SqlBool>;
}

/** One condition for each state and kind that the filter asks for. An index answers each of them. */
export function partsOf(filter: JobFilter): FilterPart[] {
  const kinds = filter.kind === undefined ? outboxKinds : [filter.kind];
  const group = filter.group === undefined ? sql<SqlBool>`true` : sql<SqlBool>`fingerprint = ${filter.group}`;
  return statesOf(filter).flatMap((state) =>
    kinds.map((kind) => ({
      state,
      kind,
      is: sql<SqlBool>`${conditions[state]} and kind = ${kind} and ${group}`,
    })),
  );
}

export function anyPartOf(filter: JobFilter) {
  const parts = partsOf(filter).map(({ is }) => sql`(${is})`);
  return sql`(${sql.join(parts, sql` or `)})`;
}

function statesOf({ state, ids, subjects }: JobFilter): readonly JobState[] {
  if (state !== undefined) return [state];
  return ids === undefined && subjects === undefined ? failedStates : jobStates;
}

/** The conditions that no index answers. */
export function restOf({ error, olderThanSeconds }: JobFilter): RawBuilder<SqlBool> | undefined {
  const rest: RawBuilder<unknown>[] = [];
  if (error !== undefined) rest.push(sql`coalesce(position(lower(${error}) in lower(failure)) > 0, false)`);
  if (olderThanSeconds !== undefined)
    rest.push(sql`committed_at < now() - make_interval(secs => ${olderThanSeconds})`);
  return rest.length === 0 ? undefined : sql<SqlBool>`${sql.join(rest, sql` and `)}`;
}
