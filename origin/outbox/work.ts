// Works on outbox rows after their commit.
// A row is claimed by a lease; then it is done, tried again, or made a dead letter with its reason.
import { type RawBuilder, sql } from 'kysely';
import type { Db, DbOrTx } from '../schema.ts';
import { type AttemptNotes, insertAttempts } from './attempts.ts';
import type { OutboxKind } from './events.ts';

export interface OutboxRow {
  id: string;
  kind: OutboxKind;
  payload: unknown;
  /** Counts claims. A row that another worker has claimed since has a higher number. */
  attempt: number;
  traceparent: string | null;
  committedAt: Date;
}

/**
 * Claims are short, so that another worker soon gets the rows of a killed one. They are renewed while the work goes
 * on. Claims of mails are longer, because a slow mail server keeps many waiting.
 */
const claimSeconds = (kind: OutboxKind) => (kind === 'mail' ? 15 : 5);
const mostFailures = 12;

/** Written as in the indexes outbox_open and outbox_open_mail. */
const claimableAt = sql`greatest(due_at, claimed_until)`;
const mailDomain = sql`coalesce(lower(split_part(payload ->> 'to', '@', -1)), '')`;
const claimedColumns = sql`outbox.id, outbox.kind, outbox.payload, outbox.attempt, outbox.traceparent, outbox.committed_at as "committedAt"`;

/** No worker begins a job of a paused kind; operators pause and resume kinds. */
const isNotPaused = (kind: RawBuilder<unknown>) =>
  sql`not exists (select from paused_kinds where paused_kinds.kind = ${kind})`;

/** Index: outbox_open. @returns those of `kinds` that have claimable rows */
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
 * Claims due rows of one kind, longest waiting first. It never searches by "id > cursor", because ids do not commit
 * in order. Index: outbox_open.
 * @param overdueSeconds claims only rows that have been due for so long
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
 * Bounds on mails that all workers have claimed. An attempt older than `youngSeconds` waits for a slow server. It
 * then counts only for its domain, so that a hanging server does not delay mails to other domains.
 */
const youngSeconds = 5;
const mostYoung = 20;
const mostYoungOfDomain = 10;
const mostOfDomain = 50;
/** How many domains one claim looks at. The next claim continues after them. */
const domainsAtOnce = 500;

export interface MailClaim {
  rows: OutboxRow[];
  /** The next claim continues after this domain, so that each has its turn; undefined starts with the first. */
  lastDomain: string | undefined;
}

interface ClaimedMail extends OutboxRow {
  seen: { visited: number; lastVisited: string | null; lastPicked: string | null; room: number };
}

/**
 * Claims due mails, domain by domain, the longest waiting of each domain first. Indexes: outbox_open_mail,
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
 * Called before the work begins. Many claims share one statement, and so one commit.
 * @returns for each row whether this claim may still work on it, and its kind is not paused
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

/** Locks rows in order of their ids, so that two workers cannot deadlock on the same rows. */
function lockPending(rows: OutboxRow[]): RawBuilder<unknown> {
  return sql`
    locked as materialized (
      select id from outbox where id = any(${rows.map((row) => row.id)}::bigint[]) and state = 'pending'
      order by id for update)`;
}

/**
 * Called every second or two while the work goes on.
 * @returns whether this claim may still work on the row
 */
export function renewClaim(db: Db, row: OutboxRow): Promise<boolean> {
  return holdClaim(db, row, claimSeconds(row.kind));
}

/**
 * Extends a claim and never shortens it, because a renewal may arrive late.
 * @returns whether the claim holds for so many seconds from now
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
  /** Seconds since the change was committed. */
  seconds: number;
  /** Seconds since it was first due, including all its attempts and pauses. */
  dueSeconds: number;
}

/**
 * Marks rows as done; many share one statement.
 * @returns the times of each by Postgres' clock; undefined where another claim was first
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
  /** True where an outside system did not answer. The row is not at fault, and is tried for as long as it takes. */
  isOutage: boolean;
  /** The longest pause, in seconds, while the outage lasts. */
  outagePauseSeconds: number;
}

/**
 * Tries the row again after a growing pause with jitter. After twelve failures it becomes a dead letter with its
 * reason. The pause is a claim that nobody holds, so `due_at` stays and the wait is measured from the first due time.
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
 * Defers a mail that its server did not accept. It is tried again after 30 minutes, then each hour, for three days
 * from the first failure (RFC 5321, 4.5.4.1). A permanent refusal makes it a dead letter at once. The pause moves
 * `due_at`, because the mail is not waiting for our workers.
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

/** Shortens a reason, because a server's answer may be of any length. */
function shorten(reason: string): string {
  return reason.replaceAll('\0', '').slice(0, 2_000);
}

/** @returns undefined where the row no longer exists */
export async function readPayload(db: Db, id: string): Promise<unknown> {
  const row = await db.selectFrom('outbox').select('payload').where('id', '=', id).executeTakeFirst();
  return row?.payload;
}

/** Gives back claims that were not begun or failed to begin, for example because the queue refused them. */
export async function releaseClaims(db: Db, rows: OutboxRow[]): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    update outbox set claimed_at = null, claimed_until = '-infinity'
    from unnest(${rows.map((row) => row.id)}::bigint[], ${rows.map((row) => row.attempt)}::integer[]) as given (id, attempt)
    where outbox.id = given.id and outbox.attempt = given.attempt and state = 'pending'`.execute(db);
}

/** The most rows that one statement deletes. A larger statement could exceed its time and be rolled back each time. */
const mostPruned = 20_000;

/**
 * Kinds whose dead letters are deleted after some days. A mail holds an address, and no cache keeps an entry that
 * long. Other dead letters are about somebody's money or pieces, so they stay until an operator drops them.
 */
const forgottenKinds: OutboxKind[] = ['mail', 'invalidate'];

/**
 * Deletes finished rows and idempotency keys after seven days, old dead letters, attempts and subjects. Indexes:
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
