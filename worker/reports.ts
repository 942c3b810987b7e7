// Reports of each worker every five seconds, results of the timed tasks, and operators' requests to run a task now.
import { hostname } from 'node:os';
import { sql } from 'kysely';
import { addToLog } from '../origin/outbox/change-jobs.ts';
import type { Db, DbOrTx } from '../origin/schema.ts';
import type { EdgeState } from './purge-channel.ts';

export const reportMs = 5_000;
/** The time of three missing reports. */
export const silentSeconds = 15;

interface WorkerState {
  /** Whether this worker purges the edges now. Only one worker at a time does. */
  purges: boolean;
  edges: EdgeState[];
  /** Whether it waits for a mail server that cannot be reached. */
  mailServerAway: boolean;
}

export interface WorkerReport extends WorkerState {
  worker: string;
  host: string;
  pid: number;
  startedAt: Date;
  seenAt: Date;
  isSilent: boolean;
}

export async function writeReport(db: Db, worker: string, state: WorkerState): Promise<void> {
  const report = JSON.stringify({ ...state, host: hostname(), pid: process.pid });
  const uptimeSeconds = performance.now() / 1_000;
  await sql`
    insert into worker_reports (worker, started_at, seen_at, report)
    values (${worker}, clock_timestamp() - make_interval(secs => ${uptimeSeconds}), clock_timestamp(), ${report})
    on conflict (worker) do update set
      started_at = excluded.started_at, seen_at = excluded.seen_at, report = excluded.report`.execute(db);
  await sql`delete from worker_reports where seen_at < now() - interval '1 day'`.execute(db);
}

export async function readReports(db: Db): Promise<WorkerReport[]> {
  const { rows } = await sql<Omit<WorkerReport, keyof WorkerState> & { report: WorkerState }>`
    select worker, started_at as "startedAt", seen_at as "seenAt", report,
      seen_at < clock_timestamp() - make_interval(secs => ${silentSeconds}) as "isSilent"
    from worker_reports order by worker`.execute(db);
  return rows.map(({ report, ...row }) => ({ ...row, ...report }) as WorkerReport);
}

/** Renewed each second; a report is five seconds old at most. */
const edgeSilentMs = 5_000;

export interface KnownEdge {
  url: string;
  state: 'confirms' | 'silent' | 'has confirmed nothing yet' | 'purged by no worker';
  /** Of one that is silent. */
  silentMs: number | null;
  unconfirmedTags: number;
}

/** What a worker that purges knows of each edge, and the edges that only pending purges name. */
export function listEdges(
  workers: WorkerReport[],
  pendingPurges: { edgeUrl: string; tags: number }[],
): KnownEdge[] {
  const known = workers.filter(({ purges, isSilent }) => purges && !isSilent).flatMap(({ edges }) => edges);
  const urls = new Set([...known.map(({ url }) => url), ...pendingPurges.map(({ edgeUrl }) => edgeUrl)]);
  return [...urls].map((url) => {
    const edge = known.find((one) => one.url === url);
    const pending = pendingPurges.find(({ edgeUrl }) => edgeUrl === url)?.tags ?? 0;
    const state = stateOf(edge);
    return {
      url,
      state,
      silentMs: state === 'silent' ? edge!.confirmedAgoMs : null,
      unconfirmedTags: Math.max(edge?.pending ?? 0, pending),
    };
  });
}

function stateOf(edge: EdgeState | undefined): KnownEdge['state'] {
  if (edge === undefined) return 'purged by no worker';
  if (edge.confirmedAgoMs === null) return 'has confirmed nothing yet';
  return edge.confirmedAgoMs > edgeSilentMs ? 'silent' : 'confirms';
}

export interface TaskRun {
  task: string;
  worker: string;
  everyMs: number;
  startedAt: Date;
  tookMs: number;
  error: string | null;
}

export interface TaskRecorder {
  note(run: Omit<TaskRun, 'worker' | 'startedAt'>): Promise<void>;
}

/** Some tasks run each second. Of runs with the same result, one in ten seconds is recorded. */
const recordMs = 10_000;

export function createTaskRecorder(db: Db, worker: string): TaskRecorder {
  const written = new Map<string, { atMs: number; error: string | null }>();
  return {
    async note({ task, everyMs, tookMs, error }) {
      const last = written.get(task);
      if (last?.error === error && performance.now() - last.atMs < recordMs) return;
      written.set(task, { atMs: performance.now(), error });
      await sql`
        insert into timed_task_runs (task, worker, every_ms, started_at, took_ms, error)
        values (${task}, ${worker}, ${everyMs}, clock_timestamp() - make_interval(secs => ${tookMs / 1_000}),
          ${Math.round(tookMs)}, ${error?.slice(0, 500) ?? null})
        on conflict (task) do update set worker = excluded.worker, every_ms = excluded.every_ms,
          started_at = excluded.started_at, took_ms = excluded.took_ms, error = excluded.error`.execute(db);
    },
  };
}

export function readTaskRuns(db: Db): Promise<TaskRun[]> {
  return db
    .selectFrom('timed_task_runs')
    .select([
      'task',
      'worker',
      'every_ms as everyMs',
      'started_at as startedAt',
      'took_ms as tookMs',
      'error',
    ])
    .orderBy('task')
    .execute();
}

/** Requests a run, which a worker begins within seconds. @returns whether any worker has a task of that name */
export async function askToRunTask(db: Db, task: string, who: string): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const known = await tx.selectFrom('timed_task_runs').select('task').where('task', '=', task).execute();
    if (known.length === 0) return false;
    await requestTask(tx, task, who);
    await addToLog(tx, { who, action: 'run', target: task, jobs: null });
    return true;
  });
}

/** Two requests before a worker looks cause one run. */
export async function requestTask(db: DbOrTx, task: string, who: string): Promise<void> {
  await db
    .insertInto('timed_task_requests')
    .values({ task, asked_by: who.slice(0, 100) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Each request is taken by one worker. @param tasks tasks that this worker can run */
export function takeTaskRequests(db: Db, tasks: string[]): Promise<{ task: string; askedBy: string }[]> {
  return db
    .deleteFrom('timed_task_requests')
    .where('task', 'in', tasks)
    .returning(['task', 'asked_by as askedBy'])
    .execute();
}
