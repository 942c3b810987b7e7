// Works outbox rows after their commit: a row is claimed by a lease, then done, or tried again, or made a dead letter
// with its reason.
import { type RawBuilder, sql } from 'kysely';
import type { Db, DbOrTx } from '../schema.ts';
import { type AttemptNotes, insertAttempts } from './attempts.ts';
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

/**
 * Short, so that a killed worker's rows are soon another's; renewed while they are worked. A slow mail server keeps
 * many mails waiting.
 */
const claimSeconds = (kind: OutboxKind) => (kind === 'mail' ? 15 : 5);
const mostFailures = 12;

/** As the indexes outbox_open and outbox_open_mail have it. */
const claimableAt = sql`greatest(due_at, claimed_until)`;
const mailDomain = sql`coalesce(lower(split_part(payload ->> 'to', '@', -1)), '')`;
const claimedColumns = sql`outbox.id, outbox.kind, outbox.payload, outbox.attempt, outbox.traceparent, outbox.committed_at as "committedAt"`;

/** No worker begins a job of a paused kind; operators pause and resume kinds. */
const isNotPaused = (kind: RawBuilder<unknown>) =>
  sql`not exists (select from paused_kinds where paused_kinds.kind = ${kind})`;

/** Index: outbox_open. @returns those of `kinds` of which rows can be claimed. */
export async function findDueKinds(db: Db, kinds: OutboxKind[]): Promise<OutboxKind[]> {
  const { rows } = await sql<{ kind: OutboxKind }>`
    select kinds.kind from unnest(${kinds}::text[]) as kinds (kind)
    where ${isNotPaused(sql`kinds.kind`)} and exists (
      select from outbox
      where state = 'pending' and outbox.kind = kinds.kind and ${claimableAt} <= statement_timestamp())`.execute(
    db,
  );
  return rows.map((row) => row.kind);
}

/**
 * Claims due rows of one kind, those first that wait longest. Never by "id > cursor": ids commit out of order.
 * Index: outbox_open.
 * @param overdueSeconds only rows that have been due for so long
 */
export async function claimRows(
  db: Db,
  kind: Exclude<OutboxKind, 'mail'>,
  limit: number,
  overdueSeconds = 0,
): Promise<OutboxRow[]> {
  const { rows } = await sql<OutboxRow>`
    update outbox set ${claim(kind)}
    where id in (
      select id from outbox
      where state = 'pending' and kind = ${kind} and ${claimableAt} <= statement_timestamp()
        and due_at <= statement_timestamp() - make_interval(secs => ${overdueSeconds})
        and ${isNotPaused(sql`${kind}`)}
      order by ${claimableAt}, id
      limit ${limit}
      for update skip locked)
    returning ${claimedColumns}`.execute(db);
  return rows;
}

function claim(kind: OutboxKind) {
  return sql`
    attempt = attempt + 1,
    claimed_at = clock_timestamp(),
    claimed_until = clock_timestamp() + make_interval(secs => ${claimSeconds(kind)})`;
}

/**
 * Attempts at mails, of all workers together. One that is no longer young waits for a slow server: it counts for its
 * domain alone, so that a domain or an address whose server hangs keeps no other mail waiting.
 */
const youngSeconds = 5;
const mostYoung = 20;
const mostYoungOfDomain = 10;
const mostOfDomain = 50;
/** Domains that one claim looks at; the next claim goes on behind them. */
const domainsAtOnce = 500;

export interface MailClaim {
  rows: OutboxRow[];
  /** The next claim goes on behind it, so that each domain has its turn; undefined: with the first. */
  lastDomain: string | undefined;
}

interface ClaimedMail extends OutboxRow {
  seen: { visited: number; lastVisited: string | null; lastPicked: string | null; room: number };
}

/**
 * Claims due mails, domain by domain, of each those first that wait longest. Indexes: outbox_open_mail,
 * outbox_claimed.
 */
export async function claimMails(
  db: Db,
  limit: number,
  lastDomain: string | undefined,
  overdueSeconds = 0,
): Promise<MailClaim> {
  const openMail = sql`state = 'pending' and kind = 'mail'`;
  const behindLast = lastDomain === undefined ? sql`` : sql`and ${mailDomain} > ${lastDomain}`;
  const { rows } = await sql<ClaimedMail>`
    with recursive
    domains (domain) as (
      (select ${mailDomain} from outbox
        where ${openMail} ${behindLast} and ${isNotPaused(sql`'mail'`)}
        order by ${mailDomain} limit 1)
      union all
      select (
        select ${mailDomain} from outbox where ${openMail} and ${mailDomain} > domains.domain
        order by ${mailDomain} limit 1)
      from domains where domains.domain is not null),
    visited as materialized (select domain from domains where domain is not null limit ${domainsAtOnce}),
    busy as materialized (
      select ${mailDomain} as domain, count(*) as total,
        count(*) filter (where claimed_at > statement_timestamp() - make_interval(secs => ${youngSeconds})) as young
      from outbox
      where ${openMail} and claimed_at is not null and claimed_until > statement_timestamp()
      group by 1),
    room as materialized (
      select greatest(0, least(${limit}::integer, ${mostYoung}::integer - coalesce(sum(young), 0)))::integer as room from busy),
    picked as materialized (
      select due.id, visited.domain from visited cross join lateral (
        select id from outbox
        where ${openMail} and ${mailDomain} = visited.domain and ${claimableAt} <= statement_timestamp()
          and due_at <= statement_timestamp() - make_interval(secs => ${overdueSeconds})
        order by ${claimableAt}, id
        limit greatest(0, least(
          ${mostYoungOfDomain}::integer - coalesce((select young from busy where busy.domain = visited.domain), 0),
          ${mostOfDomain}::integer - coalesce((select total from busy where busy.domain = visited.domain), 0)))
        for update skip locked) due
      limit (select room from room)),
    claimed as (
      update outbox set ${claim('mail')}
      from picked where outbox.id = picked.id
      returning ${claimedColumns})
    select claimed.*, json_build_object(
      'visited', (select count(*) from visited), 'lastVisited', (select max(domain) from visited),
      'lastPicked', (select max(domain) from picked), 'room', (select room from room)) as seen
    from (select) as always left join claimed on true`.execute(db);
  const { visited, lastVisited, lastPicked, room } = rows[0]!.seen;
  const claimed = rows.filter((row) => row.id !== null).map(({ seen: _, ...row }) => row);
  if (room === 0) return { rows: claimed, lastDomain };
  if (claimed.length >= room) return { rows: claimed, lastDomain: lastPicked ?? undefined };
  return { rows: claimed, lastDomain: visited < domainsAtOnce ? undefined : (lastVisited ?? undefined) };
}

/**
 * Call before the work begins. Many at once are one statement, as each has a commit of its own otherwise.
 * @returns for each row whether it is still this claim's to work, and its kind is not paused.
 */
export async function beginClaims(db: Db, claims: OutboxRow[]): Promise<boolean[]> {
  const { rows } = await sql<{ id: string }>`
    with given as (
      select * from unnest(
        ${claims.map((row) => row.id)}::bigint[], ${claims.map((row) => row.attempt)}::integer[],
        ${claims.map((row) => claimSeconds(row.kind))}::integer[]) as given (id, attempt, seconds)),
    ${lockPending(claims)}
    update outbox
    set claimed_until = greatest(claimed_until, clock_timestamp() + make_interval(secs => given.seconds))
    from given join locked using (id)
    where outbox.id = given.id and outbox.attempt = given.attempt and ${isNotPaused(sql`outbox.kind`)}
    returning outbox.id`.execute(db);
  const begun = new Set(rows.map((row) => row.id));
  return claims.map((row) => begun.has(row.id));
}

/** In order of their ids, so that two workers that meet in the same rows never wait for each other in a circle. */
function lockPending(rows: OutboxRow[]): RawBuilder<unknown> {
  return sql`
    locked as materialized (
      select id from outbox where id = any(${rows.map((row) => row.id)}::bigint[]) and state = 'pending'
      order by id for update)`;
}

/**
 * Call every second or two while the work goes on.
 * @returns whether the row is still this claim's to work.
 */
export function renewClaim(db: Db, row: OutboxRow): Promise<boolean> {
  return holdClaim(db, row, claimSeconds(row.kind));
}

/**
 * Never shortens a claim, as a renewal may arrive late.
 * @returns whether the row is this claim's to work for so many seconds from now.
 */
export async function holdClaim(db: Db, row: OutboxRow, seconds: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('outbox')
    .set({
      claimed_until: sql`greatest(claimed_until, clock_timestamp() + make_interval(secs => ${seconds}))`,
    })
    .where('id', '=', row.id)
    .where('attempt', '=', row.attempt)
    .where('state', '=', 'pending')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

export interface WorkToFinish {
  row: OutboxRow;
  attempt: AttemptNotes;
}

export interface FinishedWork {
  /** Since the change was committed. */
  seconds: number;
  /** Since it was first due, all its attempts and pauses included. */
  dueSeconds: number;
}

/**
 * Many at once are one statement.
 * @returns for each both by Postgres' clock; undefined where another claim was first.
 */
export async function finishWork(db: Db, work: WorkToFinish[]): Promise<(FinishedWork | undefined)[]> {
  const { rows } = await sql<FinishedWork & { id: string }>`
    with given as (
      select * from unnest(
        ${work.map(({ row }) => row.id)}::bigint[],
        ${work.map(({ row }) => row.attempt)}::integer[]) as given (id, attempt)),
    ${lockPending(work.map(({ row }) => row))},
    finished as (
      update outbox set state = 'done', done_at = clock_timestamp(), failure = null
      from given join locked using (id)
      where outbox.id = given.id
      returning outbox.id, state, given.attempt, failure, done_at, committed_at, due_at),
    ${insertAttempts('finished', work)}
    select id, extract(epoch from done_at - committed_at)::float as seconds,
      greatest(0, extract(epoch from done_at - due_at))::float as "dueSeconds"
    from finished`.execute(db);
  const finished = new Map(rows.map(({ id, ...times }) => [id, times]));
  return work.map(({ row }) => finished.get(row.id));
}

interface WorkFailure {
  reason: string;
  attempt: AttemptNotes;
  /** Something outside did not answer: that says nothing against the row, which is tried for as long as it takes. */
  isOutage: boolean;
  /** The longest pause, in seconds, while the outage lasts. */
  outagePauseSeconds: number;
}

/**
 * Tried again after a growing, jittered pause; after twelve failures the row is a dead letter with its reason. The
 * pause is a claim that nobody holds: `due_at` stays, so that its wait is measured from the first due time.
 */
export async function failWork(db: Db, row: OutboxRow, failure: WorkFailure): Promise<'again' | 'dead'> {
  const counted = failure.isOutage ? 0 : 1;
  const mostPauseSeconds = failure.isOutage ? failure.outagePauseSeconds : 300;
  const { rows } = await sql<{ state: string }>`
    with failed as (update outbox set
      failures = failures + ${counted},
      state = case when failures + ${counted} >= ${mostFailures} then 'dead' else 'pending' end,
      failure = ${shorten(failure.reason)},
      claimed_at = null,
      claimed_until = clock_timestamp()
        + make_interval(secs => least(0.25 * 2 ^ least(${failure.isOutage ? sql.ref('attempt') : sql.ref('failures')}, 16), ${mostPauseSeconds}) * (0.5 + random()))
    where id = ${row.id} and attempt = ${row.attempt} and state = 'pending'
    returning id, state, attempt, failure),
    ${insertAttempts('failed', [{ row, attempt: failure.attempt }])}
    select state from failed`.execute(db);
  return rows[0]?.state === 'dead' ? 'dead' : 'again';
}

const deferredFor = sql`interval '3 days'`;

/**
 * A mail that its server did not take: tried again after 30 minutes, then each hour, for three days from the first
 * failure (RFC 5321, 4.5.4.1). What was refused for good is a dead letter at once. The pause moves `due_at`: it is
 * no work that waits for us.
 */
export async function deferMail(
  db: Db,
  row: OutboxRow,
  failure: { reason: string; isPermanent: boolean; attempt: AttemptNotes },
): Promise<'again' | 'dead'> {
  const { rows } = await sql<{ state: string }>`
    with failed as (update outbox set
      failures = failures + 1,
      first_failed_at = coalesce(first_failed_at, clock_timestamp()),
      state = case when ${failure.isPermanent} or first_failed_at <= clock_timestamp() - ${deferredFor} then 'dead' else 'pending' end,
      failure = ${shorten(failure.reason)},
      claimed_at = null,
      claimed_until = '-infinity',
      due_at = clock_timestamp()
        + make_interval(mins => case when first_failed_at is null then 30 else 60 end) * (1 + 0.1 * random())
    where id = ${row.id} and attempt = ${row.attempt} and state = 'pending'
    returning id, state, attempt, failure),
    ${insertAttempts('failed', [{ row, attempt: failure.attempt }])}
    select state from failed`.execute(db);
  return rows[0]?.state === 'dead' ? 'dead' : 'again';
}

/** A server may answer as long as it likes. */
function shorten(reason: string): string {
  return reason.replaceAll('\0', '').slice(0, 2_000);
}

/** @returns undefined where the row is gone */
export async function readPayload(db: Db, id: string): Promise<unknown> {
  const row = await db.selectFrom('outbox').select('payload').where('id', '=', id).executeTakeFirst();
  return row?.payload;
}

/** Gives claims back that were not begun or came to nothing, such as when the queue would not take them. */
export async function releaseClaims(db: Db, rows: OutboxRow[]): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    update outbox set claimed_at = null, claimed_until = '-infinity'
    from unnest(${rows.map((row) => row.id)}::bigint[], ${rows.map((row) => row.attempt)}::integer[]) as given (id, attempt)
    where outbox.id = given.id and outbox.attempt = given.attempt and state = 'pending'`.execute(db);
}

/**
 * So many a call, however many wait: one statement that took too long would be undone each time, and never catch up.
 */
const mostPruned = 20_000;

/**
 * Kinds whose dead letters are forgotten after some days: a mail holds an address, and no cache keeps anything so long.
 * A dead letter of any other kind holds somebody's money or pieces: it stays until an operator drops it.
 */
const forgottenKinds: OutboxKind[] = ['mail', 'invalidate'];

/**
 * Finished rows and idempotency keys past their seven days, old dead letters, then attempts and subjects. Indexes:
 * outbox_finished, outbox_dead, idempotency_keys_by_age, job_attempts_by_age, job_subjects_by_age.
 * @param deadDays how long those dead letters are kept
 */
export async function pruneOutbox(db: DbOrTx, deadDays = 90): Promise<void> {
  for (const kind of forgottenKinds) {
    await sql`
      delete from outbox where ctid = any(array(
        select ctid from outbox
        where state = 'dead' and kind = ${kind} and committed_at < now() - make_interval(days => ${deadDays})
        order by committed_at, id limit ${mostPruned}))`.execute(db);
  }
  await sql`
    delete from outbox where ctid = any(array(
      select ctid from outbox where state = 'done' and done_at < now() - interval '7 days'
      order by done_at limit ${mostPruned}))`.execute(db);
  await sql`
    delete from idempotency_keys where ctid = any(array(
      select ctid from idempotency_keys where created_at < now() - interval '7 days'
      order by created_at limit ${mostPruned}))`.execute(db);
  await sql`
    delete from job_attempts where ctid = any(array(
      select ctid from job_attempts where ended_at < now() - interval '8 days'
      order by ended_at limit ${mostPruned}))`.execute(db);
  await sql`
    delete from job_subjects where ctid = any(array(
      select ctid from job_subjects where written_at < now() - interval '8 days'
      order by written_at limit ${mostPruned}))`.execute(db);
}
