// Opens one BullMQ queue for each kind of job.
// A queue carries only claims of outbox rows, so that losing it loses no work.
import { type ConnectionOptions, Queue, Worker } from 'bullmq';
import { type OutboxKind, outboxKinds } from '../origin/outbox/events.ts';
import type { OutboxRow } from '../origin/outbox/work.ts';

/**
 * Rows cross the queue as JSON. Mails lack text and recipient, because Redis keeps ended jobs and must hold no data
 * of an erased person.
 */
export type QueuedRow = Omit<OutboxRow, 'committedAt'> & { committedAt: string };

/** The braces put all keys of BullMQ into one slot of a cluster. */
export const queuePrefix = '{jobs}';

/** Jobs at once in one worker. Most of the mails wait for slow servers; the claims bound how many are begun at once. */
const concurrency: Record<OutboxKind, number> = {
  invalidate: 50,
  mail: 150,
  'settle-payment': 4,
  'expire-hold': 4,
  'pay-back': 4,
  // The same as the most webhooks, so that none waits for a slow one.
  'deliver-webhooks': 20,
  'turn-sales': 4,
  forget: 4,
};

/** Most jobs in the queue at once, over all workers. */
export function mostWaiting(kind: OutboxKind): number {
  return kind === 'mail' ? 20 : concurrency[kind] * 4;
}

export type Queues = Record<OutboxKind, Queue<QueuedRow>>;

export function openQueues(connection: ConnectionOptions, onError: (error: Error) => void): Queues {
  const open = (kind: OutboxKind) => {
    const queue = new Queue<QueuedRow>(kind, { connection, prefix: queuePrefix });
    queue.on('error', onError);
    return [kind, queue] as const;
  };
  return Object.fromEntries(outboxKinds.map(open)) as Queues;
}

/** Each attempt has a new job id. BullMQ ignores an id that is still in `completed` or `failed`. */
export async function enqueueRows(queue: Queue<QueuedRow>, rows: OutboxRow[]): Promise<void> {
  await queue.addBulk(
    rows.map((row) => ({
      name: row.kind,
      data: {
        ...row,
        payload: row.kind === 'mail' ? null : row.payload,
        committedAt: row.committedAt.toISOString(),
      },
      opts: {
        jobId: `outbox-${row.id}-${row.attempt}`,
        attempts: 1,
        removeOnComplete: { age: 3_600, count: 1_000 },
        removeOnFail: { age: 7 * 86_400, count: 5_000 },
      },
    })),
  );
}

/** The failure as the queue sees it. The row keeps the whole text until the person is erased. */
function withoutAddresses(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  const told = new Error(message.replaceAll(/[^\s<>"']+@[^\s<>"']+/g, '(address)'));
  told.stack = told.message;
  return told;
}

export function openConsumer(
  kind: OutboxKind,
  connection: ConnectionOptions,
  work: (row: OutboxRow) => Promise<void>,
  onError: (error: Error) => void,
): Worker<QueuedRow> {
  const consumer = new Worker<QueuedRow>(
    kind,
    async (job) => {
      try {
        await work({ ...job.data, committedAt: new Date(job.data.committedAt) });
      } catch (error) {
        throw withoutAddresses(error);
      }
    },
    {
      connection,
      prefix: queuePrefix,
      concurrency: concurrency[kind],
      metrics: { maxDataPoints: 60 * 24 },
      // Stalled jobs are not moved: the row's claim ends after seconds, and the sweeper works it.
      maxStalledCount: 0,
    },
  );
  consumer.on('error', onError);
  return consumer;
}
