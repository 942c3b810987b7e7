// Works one outbox row, from whichever side it came: at most one worker at a time by its lease, with a deadline, and its outcome kept.
import type { Logger } from 'pino';
import type { OutboxKind, OutboxPayloads } from '../origin/outbox/events.ts';
import { failWork, finishWork, type OutboxRow, renewClaim } from '../origin/outbox/work.ts';
import type { Db } from '../origin/postgres/database.ts';
import type { WorkerMetrics } from './metrics.ts';
import { isOutage } from './outage.ts';

/** Must be safe to run again after any part of it has happened; `id` is the row's, the same each time. */
export type JobHandler<Kind extends OutboxKind> = (
  payload: OutboxPayloads[Kind],
  job: { id: string; signal: AbortSignal },
) => Promise<void>;

export type JobHandlers = { [Kind in OutboxKind]: JobHandler<Kind> };

const timeoutSeconds: Record<Exclude<OutboxKind, 'invalidate'>, number> = {
  mail: 30,
  'settle-payment': 20,
  'expire-hold': 10,
};

/** Changes are waited for; a mail server that is down may be left in peace. */
const outagePauseSeconds = (kind: OutboxKind) => (kind === 'invalidate' ? 1 : 30);

const renewMs = 1_500;

export interface RowWorkerOptions {
  db: Db;
  handlers: JobHandlers;
  log: Logger;
  metrics: WorkerMetrics;
  /** Longer than any edge may take to fall silent for good. */
  invalidateSeconds: number;
}

/** Rejects where the work failed, so that the queue shows it; the row itself is by then set to be tried again. */
export function createRowWorker({
  db,
  handlers,
  log,
  metrics,
  invalidateSeconds,
}: RowWorkerOptions): (row: OutboxRow) => Promise<void> {
  return async (row) => {
    const seconds = row.kind === 'invalidate' ? invalidateSeconds : timeoutSeconds[row.kind];
    if (!(await renewClaim(db, row))) return;
    const renewal = setInterval(() => void renewClaim(db, row).catch(() => undefined), renewMs);
    const handler = handlers[row.kind] as (
      payload: unknown,
      job: { id: string; signal: AbortSignal },
    ) => Promise<void>;
    const jobLog = log.child({
      job: row.id,
      kind: row.kind,
      attempt: row.attempt,
      traceparent: row.traceparent,
    });
    const end = metrics.jobDuration.startTimer({ queue: row.kind });
    try {
      await withDeadline(seconds * 1_000, (signal) => handler(row.payload, { id: row.id, signal }));
      const changeToDoneSeconds = await finishWork(db, row);
      if (row.kind === 'invalidate' && changeToDoneSeconds !== undefined)
        metrics.changeToDone.observe(changeToDoneSeconds);
      jobLog.debug('job done');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const outcome = await failWork(db, row, {
        reason,
        isOutage: isOutage(error),
        outagePauseSeconds: outagePauseSeconds(row.kind),
      });
      metrics.jobsFailed.inc({ queue: row.kind });
      jobLog[outcome === 'dead' ? 'error' : 'warn'](
        { err: error },
        outcome === 'dead' ? 'job set aside' : 'job failed',
      );
      throw error;
    } finally {
      clearInterval(renewal);
      end();
    }
  };
}

async function withDeadline(ms: number, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const signal = AbortSignal.timeout(ms);
  const expired = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`Cannot finish within ${ms} ms`)), {
      once: true,
    });
  });
  await Promise.race([run(signal), expired]);
}
