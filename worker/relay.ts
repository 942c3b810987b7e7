// Moves due outbox rows to their queues, when woken and once a second.
// Works overdue rows itself, so that jobs run without Redis. Mails are enqueued separately and each kind is swept
// separately, so that no kind waits for another.
import type { Logger } from 'pino';
import { withinMs } from '../origin/concurrency/deadline.ts';
import { type OutboxKind, outboxKinds } from '../origin/outbox/events.ts';
import { claimMails, claimRows, findDueKinds, type OutboxRow, releaseClaims } from '../origin/outbox/work.ts';
import type { Db } from '../origin/schema.ts';
import { enqueueRows, mostWaiting, type Queues } from './queues.ts';

export interface RelayOptions {
  db: Db;
  queues: Queues;
  log: Logger;
  /** Whether this worker may carry a kind now; `invalidate` only while it may purge. */
  mayCarry: (kind: OutboxKind) => boolean;
  /** Never rejects. */
  work: (row: OutboxRow) => Promise<void>;
}

const sweepMs = 1_000;
const overdueSeconds = 2;
/** Bounds the wait for a connection that waits for Redis, which may never return. */
const enqueueMs = 1_000;
const queueTooSlow = () => new Error(`Cannot reach the queue within ${enqueueMs} ms`);
/** Rows of a kind that are worked here at once. A mail may take as long as its server does. */
const mostSwept: Record<OutboxKind, number> = {
  invalidate: 40,
  mail: 50,
  'settle-payment': 10,
  'expire-hold': 10,
  'pay-back': 10,
  'deliver-webhooks': 20,
  'turn-sales': 10,
  forget: 4,
};

export interface Relay {
  wake(): void;
  /** A mail was sent or failed, so there may be room for the next. */
  wakeMail(): void;
  /** Carries no more rows, and resolves when the rows that are worked here have ended. */
  stop(): Promise<void>;
}

type Claim = (kind: OutboxKind, limit: number, overdueSeconds?: number) => Promise<OutboxRow[]>;

export function startRelay(options: RelayOptions): Relay {
  const claim = createClaim(options.db);
  const others = outboxKinds.filter((kind) => kind !== 'mail');
  const carrying = repeat(options, () => carryOnce(options, claim, others));
  const carryingMail = repeat(options, () => carryOnce(options, claim, ['mail']));
  const sweeps = outboxKinds.map((kind) => startSweep(options, claim, kind));
  return {
    wake() {
      carrying.wake();
      carryingMail.wake();
    },
    wakeMail: carryingMail.wake,
    async stop() {
      await Promise.all([carrying, carryingMail, ...sweeps].map((loop) => loop.stop()));
    },
  };
}

/** Claims mails domain by domain. Each claim continues after the domain of the last one. */
function createClaim(db: Db): Claim {
  let lastDomain: string | undefined;
  return async (kind, limit, overdue) => {
    if (kind !== 'mail') return claimRows(db, kind, limit, overdue);
    const claimed = await claimMails(db, limit, lastDomain, overdue);
    lastDomain = claimed.lastDomain;
    return claimed.rows;
  };
}

interface Loop {
  wake(): void;
  stop(): Promise<void>;
}

/** Repeats `once` immediately while it finds rows; otherwise when woken or after a second. */
function repeat(options: RelayOptions, once: () => Promise<number>): Loop {
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
      const found = await once().catch((error: unknown) => {
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

/** A wake-up names no kind. One query finds the due kinds, in place of one query for each. */
async function carryOnce(options: RelayOptions, claim: Claim, among: OutboxKind[]): Promise<number> {
  const due = await findDueKinds(options.db, among.filter(options.mayCarry));
  const carried = await Promise.all(due.map((kind) => enqueueDue(options, claim, kind)));
  return Math.max(0, ...carried);
}

/** Enqueues only what the consumers can do before the claims run out. Other rows wait in Postgres. */
async function enqueueDue(
  { db, queues, log }: RelayOptions,
  claim: Claim,
  kind: OutboxKind,
): Promise<number> {
  const queue = queues[kind];
  const most = mostWaiting(kind);
  const waiting = await withinMs(enqueueMs, queueTooSlow, () => queue.getWaitingCount()).catch(() => most);
  if (waiting >= most) return 0;
  const rows = await claim(kind, most - waiting);
  if (rows.length === 0) return 0;
  try {
    await withinMs(enqueueMs, queueTooSlow, () => enqueueRows(queue, rows));
  } catch (error) {
    log.warn({ err: error, kind }, 'the queue takes nothing; its rows wait for the sweeper');
    await releaseClaims(db, rows);
    return 0;
  }
  return rows.length;
}

/** Works overdue rows of one kind here. A slow row takes one place and delays no other. */
function startSweep(options: RelayOptions, claim: Claim, kind: OutboxKind): Loop {
  const running = new Set<Promise<void>>();
  const loop = repeat(options, async () => {
    const room = mostSwept[kind] - running.size;
    if (room === 0 || !options.mayCarry(kind)) return 0;
    const rows = await claim(kind, room, overdueSeconds);
    for (const row of rows) {
      const working = options.work(row).then(() => {
        running.delete(working);
        loop.wake();
      });
      running.add(working);
    }
    return rows.length;
  });
  return {
    wake: loop.wake,
    async stop() {
      await loop.stop();
      await Promise.all(running);
    },
  };
}
