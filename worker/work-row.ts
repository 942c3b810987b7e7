// Works one outbox row: renews its claim, runs its job within a deadline, and records the outcome.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { withSpan } from '../http/tracing.ts';
import { gather } from '../origin/concurrency/gather.ts';
import { MailFailure } from '../origin/mail/mail.ts';
import type { AttemptNotes } from '../origin/outbox/attempts.ts';
import type { OutboxKind, OutboxPayloads } from '../origin/outbox/events.ts';
import {
  beginClaims,
  deferMail,
  type FinishedWork,
  failWork,
  finishWork,
  holdClaim,
  type OutboxRow,
  releaseClaims,
  renewClaim,
  type WorkToFinish,
} from '../origin/outbox/work.ts';
import { isPostgresAway } from '../origin/postgres/postgres-errors.ts';
import type { Db } from '../origin/schema.ts';
import type { FigureRecorder } from './figures.ts';
import type { WorkerMetrics } from './metrics.ts';
import { isOutage } from './outage.ts';

export interface JobContext {
  /** Id of the row, the same for every attempt. */
  id: string;
  /** Aborted when the job's time is up, or this worker stops. */
  signal: AbortSignal;
  /**
   * Keeps the row from all other workers for so many seconds from now, even if this process is killed.
   * @throws where another worker has claimed it
   */
  holdFor: (seconds: number) => Promise<void>;
  /** Records a finished step for operators, such as `floors raised`. */
  note: (step: string) => void;
}

/** Must be safe to run again after any part of it has happened. */
export type JobHandler<Kind extends OutboxKind> = (
  payload: OutboxPayloads[Kind],
  job: JobContext,
) => Promise<void>;

export type JobHandlers = { [Kind in OutboxKind]: JobHandler<Kind> };

/** A mail's timeout is longer than its transport needs for the slowest server. */
const timeoutSeconds: Record<Exclude<OutboxKind, 'invalidate'>, number> = {
  mail: 15 * 60,
  'settle-payment': 20,
  'expire-hold': 10,
  'pay-back': 60,
  'deliver-webhooks': 45,
  'turn-sales': 60,
  forget: 60,
};

/** Pause during an outage. Invalidations are waited for, while other work can spare a store that is down. */
const outagePauseSeconds = (kind: OutboxKind) => (kind === 'invalidate' ? 1 : 30);

const renewMs = (kind: OutboxKind) => (kind === 'mail' ? 5_000 : 1_500);

export interface RowWorkerOptions {
  db: Db;
  /** Name of this worker, as in `Served-By`. */
  name: string;
  handlers: JobHandlers;
  log: Logger;
  metrics: WorkerMetrics;
  figures: FigureRecorder;
  /** Longer than the time after which any edge counts as silent. */
  invalidateSeconds: number;
  /** Aborted when running jobs must end. */
  stopping: AbortSignal;
}

/** Rows whose begin or end is written by one statement. */
const mostAtOnce = 100;

type RowWorker = (row: OutboxRow) => Promise<void>;

/** Rejects where the work failed, so that the queue shows it. The row is already scheduled for another attempt. */
export function createRowWorker(options: RowWorkerOptions): RowWorker {
  const work = createWork(options);
  return (row) =>
    withSpan(
      {
        name: `job ${row.kind}`,
        kind: 'consumer',
        parent: row.traceparent ?? '',
        attributes: { 'messaging.message.id': row.id, 'myclothes.attempt': row.attempt },
      },
      () => work(row),
    );
}

function createWork(options: RowWorkerOptions): RowWorker {
  const { db, handlers, log, metrics, figures, stopping } = options;
  const begin = gather((rows: OutboxRow[]) => beginClaims(db, rows), mostAtOnce);
  const recordDone = gather((work: WorkToFinish[]) => finishWork(db, work), mostAtOnce);
  return async (row) => {
    if (stopping.aborted) return releaseClaims(db, [row]);
    if (!(await begin(row))) return;
    const hold = startHolding(db, row);
    const notes = startNotes(options.name);
    const jobLog = log.child({
      job: row.id,
      kind: row.kind,
      attempt: row.attempt,
      traceparent: row.traceparent,
    });
    const end = metrics.jobDuration.startTimer({ queue: row.kind });
    try {
      const handler = handlers[row.kind] as JobHandler<OutboxKind>;
      const seconds = row.kind === 'invalidate' ? options.invalidateSeconds : timeoutSeconds[row.kind];
      await withDeadline(seconds * 1_000, stopping, (signal) =>
        handler(row.payload as never, { id: row.id, signal, holdFor: hold.holdFor, note: notes.add }),
      );
      const notesOfAll = notes.read();
      const finish = () => recordDone({ row, attempt: notesOfAll });
      const finished = await finishWhileHeld(finish, hold.untilMs(), stopping);
      if (finished !== undefined) {
        if (row.kind === 'invalidate') metrics.changeToDone.observe(finished.seconds);
        figures.noteDone(row.kind, notesOfAll.tookMs, finished.dueSeconds * 1_000);
      }
      jobLog.debug('job done');
    } catch (error) {
      // Waits for a renewal in progress, which would otherwise claim the row again after its release.
      await hold.end();
      const isHeld = hold.untilMs() > 0;
      if (stopping.aborted) {
        // A held job may have succeeded unnoticed, so it stays held for its time before it is tried again.
        if (!isHeld) await releaseClaims(db, [row]);
        jobLog.info('job left to another worker as this one stops');
      } else {
        const attempt = notes.read();
        metrics.jobsFailed.inc({ queue: row.kind });
        figures.noteFailed(row.kind, attempt.tookMs);
        await recordFailure(db, row, { error, isHeld, attempt }, jobLog);
      }
      throw error;
    } finally {
      await hold.end();
      end();
    }
  };
}

/** Renews the claim until `holdFor` extends it, or the job ends. */
function startHolding(db: Db, row: OutboxRow) {
  let renewing: Promise<unknown> = Promise.resolve();
  const renewal = setInterval(() => {
    renewing = renewClaim(db, row).catch(() => undefined);
  }, renewMs(row.kind));
  let untilMs = 0;
  return {
    async holdFor(seconds: number): Promise<void> {
      const askedAtMs = performance.now();
      if (!(await holdClaim(db, row, seconds)))
        throw new Error('Cannot go on as another worker has claimed this job');
      clearInterval(renewal);
      untilMs = askedAtMs + seconds * 1_000;
    },
    /** Monotonic milliseconds; 0 where it is not held. */
    untilMs: () => untilMs,
    async end(): Promise<void> {
      clearInterval(renewal);
      await renewing;
    },
  };
}

/** Steps are timed by the monotonic clock, from the moment at which the attempt began. */
function startNotes(worker: string) {
  const startedAtMs = performance.now();
  const steps: AttemptNotes['steps'] = [];
  const sinceStart = () => Math.round((performance.now() - startedAtMs) * 10) / 10;
  return {
    add: (what: string) => void steps.push({ what, atMs: sinceStart() }),
    read: (): AttemptNotes => ({ worker, tookMs: sinceStart(), steps }),
  };
}

const finishPauseMs = 1_000;

/** Retries the record of a finished mail while it is held, so that a short outage of Postgres cannot send it twice. */
async function finishWhileHeld(
  finish: () => Promise<FinishedWork | undefined>,
  untilMs: number,
  stopping: AbortSignal,
): Promise<FinishedWork | undefined> {
  for (;;) {
    try {
      return await finish();
    } catch (error) {
      const isLate = performance.now() + finishPauseMs > untilMs;
      if (isLate || stopping.aborted || !isPostgresAway(error)) throw error;
    }
    await delay(finishPauseMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}

interface FailedAttempt {
  error: unknown;
  isHeld: boolean;
  attempt: AttemptNotes;
}

async function recordFailure(
  db: Db,
  row: OutboxRow,
  { error, isHeld, attempt }: FailedAttempt,
  log: Logger,
): Promise<void> {
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof MailFailure || (row.kind === 'mail' && isHeld)) {
    const isPermanent = error instanceof MailFailure && error.isPermanent;
    const outcome = await deferMail(db, row, { reason, isPermanent, attempt });
    // A mailbox that does not exist is no fault of the shop.
    log.warn({ err: error }, outcome === 'dead' ? 'mail given up' : 'mail deferred');
    return;
  }
  const outcome = await failWork(db, row, {
    reason,
    attempt,
    isOutage: isOutage(error),
    outagePauseSeconds: outagePauseSeconds(row.kind),
  });
  log[outcome === 'dead' ? 'error' : 'warn'](
    { err: error },
    outcome === 'dead' ? 'job given up' : 'job failed',
  );
}

async function withDeadline(
  ms: number,
  stopping: AbortSignal,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(new Error(`Cannot finish within ${ms} ms`)), ms);
  const stop = () => ending.abort(stopping.reason);
  stopping.addEventListener('abort', stop, { once: true });
  const expired = new Promise<never>((_, reject) => {
    ending.signal.addEventListener('abort', () => reject(ending.signal.reason), { once: true });
  });
  try {
    await Promise.race([run(ending.signal), expired]);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener('abort', stop);
  }
}
