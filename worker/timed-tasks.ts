// Runs tasks at an interval, and at once when an operator asks.
// Every worker tries; a lock in Postgres lets one of them run each task.
import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Deps } from '../origin/deps.ts';
import type { Db, Tx } from '../origin/schema.ts';
import { storeFaultReason } from '../origin/watch-stores.ts';
import { requestTask, type TaskRecorder, takeTaskRequests } from './reports.ts';

interface CommonOfTasks {
  name: string;
  everyMs: number;
}

export type TimedTask =
  /** Runs in a transaction that holds the task's lock; skipped while another worker holds it. */
  | (CommonOfTasks & { run: (tx: Tx) => Promise<unknown> })
  /** Runs in each worker. */
  | (CommonOfTasks & { runEverywhere: (signal: AbortSignal) => Promise<unknown> });

export interface TimedTasks {
  stop(): Promise<void>;
}

const requestsMs = 2_000;

export function startTimedTasks(
  deps: Pick<Deps, 'db' | 'wakeWorker'>,
  log: Logger,
  tasks: TimedTask[],
  recorder: TaskRecorder,
): TimedTasks {
  /** Tasks that this worker was asked to run, and by whom. */
  const asked = new Map<string, string>();
  const loops = tasks.map((task) => {
    const run: Run = async (signal) => {
      const askedBy = asked.get(task.name);
      asked.delete(task.name);
      if ('runEverywhere' in task) return task.runEverywhere(signal);
      const ran = await runLocked(deps, task.name, task.run);
      // Another worker was running the task and may have looked too early, so the request is repeated.
      if (!ran && askedBy !== undefined) await requestTask(deps.db, task.name, askedBy);
      return ran;
    };
    const loop = every(task.everyMs, recorded(task, run, recorder), log, task.name);
    return { name: task.name, loop };
  });
  const names = tasks.map(({ name }) => name);
  const look = async () => {
    for (const { task, askedBy } of await takeTaskRequests(deps.db, names)) {
      asked.set(task, askedBy);
      loops.find(({ name }) => name === task)!.loop.runNow();
    }
  };
  const looking = every(requestsMs, look, log, 'look for tasks that operators ask for');
  return {
    async stop() {
      await Promise.all([looking.stop(), ...loops.map(({ loop }) => loop.stop())]);
    },
  };
}

type Run = (signal: AbortSignal) => Promise<unknown>;

/** Records the last run and its result. @param run resolves with `false` where another worker runs it */
function recorded({ name, everyMs }: CommonOfTasks, run: Run, recorder: TaskRecorder): Run {
  return async (signal) => {
    const startedAtMs = performance.now();
    const note = (error: string | null) =>
      recorder
        .note({ task: name, everyMs, tookMs: performance.now() - startedAtMs, error })
        // A successful run must not count as failed because its record could not be written.
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

interface Repeated extends TimedTasks {
  /** Runs at once, or as soon as the present round ends. */
  runNow(): void;
}

/**
 * Calls `run` again `everyMs` after it has ended. A failure is logged and does not stop later rounds.
 * @param run its signal is aborted when it should end
 */
export function every(everyMs: number, run: Run, log: Logger, name: string): Repeated {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let isAsked = false;
  let loggedReason: string | undefined;
  const round = () => {
    clearTimeout(timer);
    isAsked = false;
    running = run(stopping.signal).then(
      () => {
        loggedReason = undefined;
      },
      (error: unknown) => {
        // The next round may fail for the same reason, which is logged only once.
        const reason = storeFaultReason(error);
        if (reason !== loggedReason) log.warn({ err: error }, `cannot ${name} now`);
        loggedReason = reason;
      },
    );
    void running.then(() => {
      running = undefined;
      if (!stopping.signal.aborted) timer = setTimeout(round, isAsked ? 0 : everyMs);
    });
  };
  round();
  return {
    runNow() {
      isAsked = true;
      if (running === undefined && !stopping.signal.aborted) round();
    },
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

/** @returns whether this worker ran it */
async function runLocked(
  { db, wakeWorker }: { db: Db; wakeWorker: () => void },
  name: string,
  run: (tx: Tx) => Promise<unknown>,
): Promise<boolean> {
  const ran = await db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ locked: boolean }>`
      select pg_try_advisory_xact_lock(hashtext(${name})) as locked`.execute(tx);
    if (rows[0]?.locked) await run(tx);
    return rows[0]?.locked === true;
  });
  wakeWorker();
  return ran;
}
