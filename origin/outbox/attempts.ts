// Keeps what each attempt at a job did: when it began and ended, its steps, its outcome and its error.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../schema.ts';

/** What a worker reports about an attempt when it ends. */
export interface AttemptNotes {
  worker: string;
  tookMs: number;
  steps: AttemptStep[];
}

export interface AttemptStep {
  /** Such as `floors raised`. */
  what: string;
  /** Milliseconds since the attempt began. */
  atMs: number;
}

export interface JobAttempt extends AttemptNotes {
  attempt: number;
  claimedAt: Date | null;
  startedAt: Date;
  endedAt: Date;
  outcome: 'done' | 'failed' | 'dead';
  error: string | null;
}

/** How many attempts of one job are kept. An outage may cause thousands. */
const mostKept = 50;
const mostSteps = 100;

/**
 * Builds the part of a statement that records attempts, so that outcome and attempt are written together. All times
 * are by Postgres' clock.
 * @param changed the part that changed the rows: `id`, `state`, `attempt`, `failure`
 */
export function insertAttempts(
  changed: string,
  ended: { row: { id: string; attempt: number }; attempt: AttemptNotes }[],
): RawBuilder<unknown> {
  const from = sql.ref(changed);
  // Nearly all jobs end after fewer attempts. Their statement is shorter.
  const forgotten = ended.every(({ row }) => row.attempt <= mostKept)
    ? sql``
    : sql`,
    forgotten as (
      delete from job_attempts using ${from} changed
      where job_id = changed.id and job_attempts.attempt <= changed.attempt - ${mostKept})`;
  return sql`
    kept as (
      insert into job_attempts (job_id, attempt, worker, claimed_at, started_at, ended_at, outcome, error, steps)
      select changed.id, changed.attempt, notes.worker, before.claimed_at,
        clock_timestamp() - make_interval(secs => notes.took_ms / 1000), clock_timestamp(),
        case changed.state when 'pending' then 'failed' else changed.state end,
        changed.failure, notes.steps::jsonb
      from ${from} changed join outbox before on before.id = changed.id
      join unnest(
        ${ended.map(({ row }) => row.id)}::bigint[],
        ${ended.map(({ attempt }) => attempt.worker)}::text[],
        ${ended.map(({ attempt }) => attempt.tookMs)}::float[],
        ${ended.map(({ attempt }) => JSON.stringify(attempt.steps.slice(0, mostSteps)))}::text[]
      ) as notes (id, worker, took_ms, steps) on notes.id = changed.id
      on conflict do nothing)${forgotten}`;
}

/** @returns the kept attempts of each job, oldest first */
export async function readAttempts(db: Db, jobIds: string[]): Promise<Map<string, JobAttempt[]>> {
  const { rows } = await sql<JobAttempt & { jobId: string }>`
    select job_id as "jobId", attempt, worker, claimed_at as "claimedAt", started_at as "startedAt",
      ended_at as "endedAt", extract(epoch from ended_at - started_at)::float * 1000 as "tookMs", outcome, error, steps
    from job_attempts where job_id = any(${jobIds}::bigint[]) order by job_id, attempt`.execute(db);
  const attempts = new Map<string, JobAttempt[]>(jobIds.map((id) => [id, []]));
  for (const { jobId, ...attempt } of rows) attempts.get(jobId)?.push(attempt);
  return attempts;
}
