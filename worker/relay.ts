// Carries outbox rows to their queues: woken by a hint, and every second without one. Rows that the queue did not get done in two seconds
// are worked right here, so that work goes on without Redis.
import type { Logger } from 'pino';
import type { OutboxKind } from '../origin/outbox/events.ts';
import { claimRows, type OutboxRow, releaseClaims } from '../origin/outbox/work.ts';
import type { Db } from '../origin/postgres/database.ts';
import { enqueueRows, type Queues } from './queues.ts';

export interface RelayOptions {
  db: Db;
  queues: Queues;
  log: Logger;
  /** Kinds that this worker may carry now; `invalidate` only while it may purge. */
  kinds: () => OutboxKind[];
  work: (row: OutboxRow) => Promise<void>;
}

const batchRows = 200;
const sweepMs = 1_000;
const overdueSeconds = 2;

export interface Relay {
  wake(): void;
  stop(): Promise<void>;
}

export function startRelay(options: RelayOptions): Relay {
  let stopping = false;
  let woken = false;
  let wakeSleeper: () => void = () => undefined;

  const sleep = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, sweepMs);
      wakeSleeper = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const run = async () => {
    while (!stopping) {
      woken = false;
      const carried = await carryOnce(options).catch((error: unknown) => {
        options.log.warn({ err: error }, 'the outbox could not be read');
        return 0;
      });
      if (carried < batchRows && !woken && !stopping) await sleep();
    }
  };
  const running = run();

  return {
    wake() {
      woken = true;
      wakeSleeper();
    },
    async stop() {
      stopping = true;
      wakeSleeper();
      await running;
    },
  };
}

async function carryOnce({ db, queues, log, kinds, work }: RelayOptions): Promise<number> {
  const allowed = kinds();
  if (allowed.length === 0) return 0;
  const overdue = await claimRows(db, allowed, batchRows, overdueSeconds);
  const due = await claimRows(db, allowed, batchRows);
  const byKind = Map.groupBy(due, (row) => row.kind);
  await Promise.all([
    ...overdue.map(work),
    ...[...byKind].map(([kind, rows]) =>
      enqueueRows(queues[kind], rows).catch(async (error: unknown) => {
        log.warn({ err: error, kind }, 'the queue takes nothing; its rows wait for the sweeper');
        await releaseClaims(db, rows);
      }),
    ),
  ]);
  return overdue.length + due.length;
}
