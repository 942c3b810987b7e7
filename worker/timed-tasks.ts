// Runs tasks at an interval. Every worker tries; a lock in Postgres lets one of them run each task.
import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Deps } from '../origin/deps.ts';
import { storeFaultReason } from '../origin/describe-store-fault.ts';
import type { Tx } from '../origin/schema.ts';

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
): TimedTasks {
  const loops = tasks.map((task) => every(task.everyMs, () => runLocked(deps, task), log, task.name));
  return {
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

/**
 * Calls `run` again `everyMs` after it has ended; a failure is logged, and the next round follows all the same.
 * @param run its signal is aborted when it should end
 */
export function every(
  everyMs: number,
  run: (signal: AbortSignal) => Promise<unknown>,
  log: Logger,
  name: string,
): TimedTasks {
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

async function runLocked(
  { db, wakeWorker }: Pick<Deps, 'db' | 'wakeWorker'>,
  task: TimedTask,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ locked: boolean }>`
      select pg_try_advisory_xact_lock(hashtext(${task.name})) as locked`.execute(tx);
    if (rows[0]?.locked) await task.run(tx);
  });
  wakeWorker();
}
