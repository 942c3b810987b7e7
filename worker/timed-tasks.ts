// Runs tasks at an interval. Every worker tries; a lock in Postgres lets one of them run each task.
import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Deps } from '../origin/deps.ts';
import { storeFaultReason } from '../origin/describe-store-fault.ts';
import type { Tx } from '../origin/schema.ts';
import type { TaskRecorder } from './reports.ts';

export interface TimedTask {
  name: string;
  everyMs: number;
  /** In a transaction that holds the task's lock; skipped while another worker holds it. */
  run: (tx: Tx) => Promise<unknown>;
}

export interface TimedTasks {
  stop(): Promise<void>;
}

export function startTimedTasks(
  deps: Pick<Deps, 'db' | 'wakeWorker'>,
  log: Logger,
  tasks: TimedTask[],
  recorder: TaskRecorder,
): TimedTasks {
  const loops = tasks.map((task) => {
    const run = recorded(task.name, task.everyMs, () => runLocked(deps, task), recorder);
    return every(task.everyMs, run, log, task.name);
  });
  return {
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

type Run = (signal: AbortSignal) => Promise<unknown>;

/** Keeps when it ran last, and what came of it. @param run resolves with `false` where another worker runs it */
export function recorded(task: string, everyMs: number, run: Run, recorder: TaskRecorder): Run {
  return async (signal) => {
    const startedAtMs = performance.now();
    const note = (error: string | null) =>
      recorder
        .note({ task, everyMs, tookMs: performance.now() - startedAtMs, error })
        // A run that went well is none that failed, only because it could not be written down.
        .catch(() => undefined);
    try {
      const ran = await run(signal);
      if (ran !== false) await note(null);
    } catch (error) {
      await note(error instanceof Error ? error.message : String(error));
      throw error;
    }
  };
}

/**
 * Calls `run` again `everyMs` after it has ended; a failure is logged, and the next round follows all the same.
 * @param run its signal is aborted when it should end
 */
export function every(everyMs: number, run: Run, log: Logger, name: string): TimedTasks {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let loggedReason: string | undefined;
  const round = () => {
    running = run(stopping.signal).then(
      () => {
        loggedReason = undefined;
      },
      (error: unknown) => {
        // The next round follows soon: the same reason is logged once.
        const reason = storeFaultReason(error);
        if (reason !== loggedReason) log.warn({ err: error }, `cannot ${name} now`);
        loggedReason = reason;
      },
    );
    void running.then(() => {
      if (!stopping.signal.aborted) timer = setTimeout(round, everyMs);
    });
  };
  round();
  return {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

/** @returns whether this worker ran it */
async function runLocked(
  { db, wakeWorker }: Pick<Deps, 'db' | 'wakeWorker'>,
  task: TimedTask,
): Promise<boolean> {
  const ran = await db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ locked: boolean }>`
      select pg_try_advisory_xact_lock(hashtext(${task.name})) as locked`.execute(tx);
    if (rows[0]?.locked) await task.run(tx);
    return rows[0]?.locked === true;
  });
  wakeWorker();
  return ran;
}
