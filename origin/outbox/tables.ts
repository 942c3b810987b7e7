// Kysely's types of outbox rows and their jobs, of idempotency keys, and of pending purges.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

export interface OutboxTables {
  outbox: {
    id: GeneratedAlways<string>;
    kind: string;
    payload: ColumnType<unknown, string, string>;
    state: Generated<'pending' | 'done' | 'dead'>;
    /** How often it was claimed. A worker with an older claim must no longer work on the row. */
    attempt: Generated<number>;
    failures: Generated<number>;
    traceparent: string | null;
    committed_at: ColumnType<Date, Date | undefined, Date>;
    due_at: ColumnType<Date, Date | undefined, Date>;
    claimed_until: ColumnType<Date, Date | undefined, Date>;
    /** When the present or last claim began; null once the claim was given back. */
    claimed_at: ColumnType<Date | null, undefined, Date | null>;
    /** When a deferred mail failed first; it is tried for three days from then. */
    first_failed_at: ColumnType<Date | null, undefined, Date | null>;
    done_at: Date | null;
    failure: string | null;
    /** The same for all errors of the same reason. A trigger derives it, and both times, from `failure`. */
    fingerprint: ColumnType<string | null, never, never>;
    failed_at: ColumnType<Date | null, never, never>;
    error_since: ColumnType<Date | null, never, never>;
    /** When the request came that caused the row, by the origin's clock. */
    requested_at: ColumnType<Date | null, Date | null | undefined, never>;
    /** Such as `PATCH /api/staff/products/42`. */
    cause: ColumnType<string | null, string | null | undefined, never>;
  };
  job_attempts: {
    job_id: string;
    attempt: number;
    worker: string;
    claimed_at: Date | null;
    started_at: Date;
    ended_at: Date;
    outcome: 'done' | 'failed' | 'dead';
    error: string | null;
    steps: ColumnType<{ what: string; atMs: number }[], string, never>;
  };
  /** What a job is about, such as `order:7`; deleted a day after the job. */
  job_subjects: {
    subject: string;
    job_id: string;
    written_at: ColumnType<Date, never, never>;
  };
  paused_kinds: {
    kind: string;
    paused_at: ColumnType<Date, never, never>;
    paused_by: string;
  };
  operator_log: {
    id: GeneratedAlways<string>;
    at: ColumnType<Date, never, never>;
    who: string;
    action: string;
    target: string;
    /** How many jobs the action changed; null where it concerns a whole kind. */
    jobs: number | null;
  };
  worker_reports: {
    worker: string;
    started_at: Date;
    seen_at: Date;
    report: ColumnType<unknown, string, string>;
  };
  timed_task_runs: {
    task: string;
    worker: string;
    every_ms: number;
    started_at: Date;
    took_ms: number;
    error: string | null;
  };
  /** Jobs that ended in a minute or a quarter of an hour, by kind. Their durations are counts by `durationBoundsMs`. */
  job_figures: {
    kind: string;
    span_minutes: number;
    starts_at: Date;
    done: number;
    failed: number;
    waits: number[];
    runs: number[];
  };
  timed_task_requests: {
    task: string;
    asked_at: ColumnType<Date, never, never>;
    asked_by: string;
  };
  idempotency_keys: {
    scope: string;
    key: string;
    fingerprint: string;
    result: ColumnType<unknown, string | null, string | null>;
    created_at: ColumnType<Date, Date | undefined, Date>;
  };
  edge_purger: {
    only_row: Generated<boolean>;
    holder: string;
    held_until: ColumnType<Date, Date, Date>;
  };
  edge_debts: {
    edge_url: string;
    tag: string;
    version: number;
  };
  /** The log of floors for edges that ask: its last position, and up to where it was forgotten. */
  edge_floor_head: {
    only_row: Generated<boolean>;
    position: ColumnType<string, never, never>;
    forgotten_to: ColumnType<string, never, never>;
  };
  edge_floors: {
    tag: string;
    version: number;
    position: string;
  };
  edge_leases: {
    edge: string;
    name: string;
    lease_ms: number;
    position: string;
    ask: Generated<string>;
    asked_at: ColumnType<Date, never, never>;
  };
}
