// Carries outbox rows to their queues: woken by a hint, and every second without one. Rows that the queue did not get done in two seconds
// are worked right here, so that work goes on without Redis; they are looked for once a second, as no hint tells of them.
import type { Logger } from 'pino';
import type { OutboxKind } from '../origin/outbox/events.ts';
import { claimRows, findDueKinds, type OutboxRow, releaseClaims } from '../origin/outbox/work.ts';
import type { Db } from '../origin/postgres/database.ts';
import { concurrency, enqueueRows, type Queues } from './queues.ts';

export interface RelayOptions {
  db: Db;
  queues: Queues;
  log: Logger;
  /** Kinds that this worker may carry now; `invalidate` only while it may purge. */
  kinds: () => OutboxKind[];
  work: (row: OutboxRow) => Promise<void>;
}

const sweepMs = 1_000;
const sweepRows = 40;
const overdueSeconds = 2;
const enqueueMs = 1_000;

export interface Relay {
  wake(): void;
  stop(): Promise<void>;
}

export function startRelay(options: RelayOptions): Relay {
  const carrying = repeat(options, carryOnce);
  const sweeping = repeat(options, sweepOnce);
  return {
    wake: carrying.wake,
    stop: async () => {
      await Promise.all([carrying.stop(), sweeping.stop()]);
    },
  };
}

/** Runs `once` again at once while it finds rows, else when woken, or after a second. */
function repeat(options: RelayOptions, once: (options: RelayOptions) => Promise<number>): Relay {
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
      const found = await once(options).catch((error: unknown) => {
        options.log.warn({ err: error }, 'the outbox could not be read');
        return 0;
      });
      if (found === 0 && !woken && !stopping) await sleep();
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

/** A hint says nothing of its kind: one question finds out, rather than one to the queue and one to Postgres for each kind. */
async function carryOnce(options: RelayOptions): Promise<number> {
  const due = await findDueKinds(options.db, options.kinds());
  const carried = await Promise.all(due.map((kind) => enqueueDue(options, kind)));
  return Math.max(0, ...carried);
}

/** No more than its consumers get done before the claims run out: what waits is better off in Postgres. */
async function enqueueDue({ db, queues, log }: RelayOptions, kind: OutboxKind): Promise<number> {
  const queue = queues[kind];
  const most = concurrency[kind] * 4;
  const waiting = await within(enqueueMs, queue.getWaitingCount()).catch(() => most);
  if (waiting >= most) return 0;
  const rows = await claimRows(db, [kind], most - waiting);
  if (rows.length === 0) return 0;
  try {
    await within(enqueueMs, enqueueRows(queue, rows));
  } catch (error) {
    log.warn({ err: error, kind }, 'the queue takes nothing; its rows wait for the sweeper');
    await releaseClaims(db, rows);
    return 0;
  }
  return rows.length;
}

async function sweepOnce({ db, work, kinds }: RelayOptions): Promise<number> {
  const rows = await claimRows(db, kinds(), sweepRows, overdueSeconds);
  await Promise.all(rows.map(work));
  return rows.length;
}

/** A connection that waits for Redis to come back would wait here for ever. */
async function within<T>(ms: number, asked: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`Cannot reach the queue within ${ms} ms`)), ms).unref();
  });
  return Promise.race([asked, late]);
}
