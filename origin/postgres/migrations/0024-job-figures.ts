// Figures of jobs by kind and time for the console's charts, and requests to run a timed task now.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // A row a kind and span: minutes of the last hours, quarters of an hour of the last week.
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
