// Jobs for operators: attempts, groups, pauses and a log of operators' actions, and figures of jobs.
import { type Kysely, sql } from 'kysely';

/**
 * What operators need to see and repair jobs: attempts, groups of errors, subjects, paused kinds, and a log of
 * actions.
 */
export async function addOperators(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`
    alter table outbox
      add column fingerprint text,
      add column failed_at timestamptz,
      add column error_since timestamptz,
      add column requested_at timestamptz,
      add column cause text`.execute(db);
  await groupErrors(db);
  await sql`create index staff_changes_by_invalidation on staff_changes (invalidation_id)`.execute(db);
  await sql`
    create index outbox_untried on outbox (kind, greatest(due_at, '-infinity'::timestamptz), id)
    where state = 'pending' and failure is null`.execute(db);
  await sql`
    create table job_attempts (
      job_id bigint not null,
      attempt integer not null,
      worker text not null,
      claimed_at timestamptz,
      started_at timestamptz not null,
      ended_at timestamptz not null,
      outcome text not null check (outcome in ('done', 'failed', 'dead')),
      error text,
      steps jsonb not null default '[]',
      primary key (job_id, attempt)
    )`.execute(db);
  await sql`create index job_attempts_by_age on job_attempts (ended_at)`.execute(db);
  // No foreign key: rows of both tables are deleted by age in separate batches.
  await sql`
    create table job_subjects (
      subject text not null,
      job_id bigint not null,
      written_at timestamptz not null default clock_timestamp(),
      primary key (subject, job_id)
    )`.execute(db);
  await sql`create index job_subjects_by_age on job_subjects (written_at)`.execute(db);
  await sql`
    create table paused_kinds (
      kind text primary key,
      paused_at timestamptz not null default clock_timestamp(),
      paused_by text not null
    )`.execute(db);
  await sql`
    create table operator_log (
      id bigint generated always as identity primary key,
      at timestamptz not null default clock_timestamp(),
      who text not null,
      action text not null,
      target text not null,
      jobs integer
    )`.execute(db);
  await sql`
    create table worker_reports (
      worker text primary key,
      started_at timestamptz not null,
      seen_at timestamptz not null,
      report jsonb not null
    )`.execute(db);
  await sql`
    create table alert_posts (
      alert text primary key,
      state text not null check (state in ('firing', 'resolved')),
      worker text not null,
      posted_at timestamptz not null
    )`.execute(db);
  await sql`
    create table timed_task_runs (
      task text primary key,
      worker text not null,
      every_ms integer not null,
      started_at timestamptz not null,
      took_ms integer not null,
      error text
    )`.execute(db);
}

/**
 * Gives failures of the same reason the same fingerprint. A trigger does so, because the previous release writes rows
 * without it.
 */
async function groupErrors(db: Kysely<unknown>): Promise<void> {
  // Addresses and numbers differ from job to job and are removed. The codes of SMTP and HTTP stay.
  await sql
    .raw(String.raw`
    create function error_fingerprint(error text) returns text language sql immutable parallel safe as $$
      select left(md5(
        regexp_replace(regexp_replace(regexp_replace(regexp_replace(
          lower(split_part(error, E'\n', 1)),
          '[^\s<>"'']+@[^\s<>"'']+', '@', 'g'),
          '\m[0-9a-f]*[0-9][0-9a-f]*(-[0-9a-f]+){2,}\M', '#', 'g'),
          '\m(?![45][0-9][0-9]\M)[a-z]*[0-9][0-9a-z]*\M', '#', 'g'),
          '\s+', ' ', 'g')), 12)
    $$`)
    .execute(db);
  await sql`
    create function outbox_note_failure() returns trigger language plpgsql as $$
    declare now timestamptz := clock_timestamp();
    begin
      if new.failure is null then
        new.fingerprint := null;
        new.failed_at := null;
        new.error_since := null;
        return new;
      end if;
      new.fingerprint := error_fingerprint(new.failure);
      new.failed_at := now;
      if new.error_since is null or tg_op = 'INSERT' or new.fingerprint is distinct from old.fingerprint then
        new.error_since := now;
      end if;
      return new;
    end $$`.execute(db);
  await sql`
    create trigger outbox_failure_written before insert on outbox
    for each row when (new.failure is not null) execute function outbox_note_failure()`.execute(db);
  await sql`
    create trigger outbox_failure_changed before update of failure on outbox
    for each row when (new.failure is not null or old.failure is not null) execute function outbox_note_failure()`.execute(
    db,
  );
  // Only a bounded number of older failures is updated here. The others get a fingerprint at their next attempt.
  await sql`
    update outbox set failure = failure where id in (
      select id from outbox where failure is not null and state in ('pending', 'dead')
      limit 20000 for update skip locked)`.execute(db);
  await sql`
    create index outbox_error_groups on outbox (state, kind, fingerprint, failed_at, error_since)
    where fingerprint is not null`.execute(db);
}

/** Figures of jobs by kind and time for the console's charts, and requests to run a timed task now. */
export async function addJobFigures(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // One row a kind and span: minutes of the last hours, quarters of an hour of the last week.
  await sql`
    create table job_figures (
      kind text not null,
      span_minutes integer not null,
      starts_at timestamptz not null,
      done integer not null,
      failed integer not null,
      waits integer[] not null,
      runs integer[] not null,
      primary key (span_minutes, starts_at, kind)
    )`.execute(db);
  await sql`
    create table timed_task_requests (
      task text primary key,
      asked_at timestamptz not null default clock_timestamp(),
      asked_by text not null
    )`.execute(db);
}
