// The worker's metrics, as OpenMetrics.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { countJournals } from '../origin/cart/server/journal-drain.ts';
import { withinMs } from '../origin/concurrency/deadline.ts';
import { measureWebhooks } from '../origin/integration/webhooks.ts';
import { countUnclearPayments } from '../origin/order/payment/disputed-and-unclear.ts';
import { readPausedKinds } from '../origin/outbox/change-jobs.ts';
import { outboxKinds } from '../origin/outbox/events.ts';
import { countedTo, measureOutbox, type OutboxDepth } from '../origin/outbox/measure.ts';
import { countPendingPurges } from '../origin/outbox/pending-purges.ts';
import type { RedisClient } from '../origin/redis/connect.ts';
import type { Db } from '../origin/schema.ts';
import type { Queues } from './queues.ts';

export interface WorkerMetrics {
  registry: Registry;
  jobDuration: Histogram<'queue'>;
  jobsFailed: Counter<'queue'>;
  changeToDone: Histogram;
}

const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** @param edgeUrls edges that are shown with 0 while nothing is pending for them */
export function createMetrics(
  db: Db,
  queues: Queues,
  redis?: RedisClient,
  edgeUrls: readonly string[] = [],
): WorkerMetrics {
  const registry = new Registry();
  registry.setContentType('application/openmetrics-text; version=1.0.0; charset=utf-8' as never);
  const registers = [registry];
  const metrics: WorkerMetrics = {
    registry,
    jobDuration: new Histogram({
      name: 'job_duration_seconds',
      help: 'How long a job took',
      labelNames: ['queue'],
      buckets: durationBuckets,
      registers,
    }),
    jobsFailed: new Counter({
      name: 'jobs_failed_total',
      help: 'Attempts that failed',
      labelNames: ['queue'],
      registers,
    }),
    changeToDone: new Histogram({
      name: 'invalidation_seconds',
      help: 'From the commit of a change until no cache serves what it replaced',
      buckets: durationBuckets,
      registers,
    }),
  };
  // Counters start at zero, because a rate cannot show the first event of a counter that appears later.
  for (const queue of Object.keys(queues)) {
    metrics.jobsFailed.inc({ queue }, 0);
    metrics.jobDuration.zero({ queue });
  }
  measureQueues(queues, registers);
  measureRows(db, registers);
  measureTroubles(db, redis, { registers, edgeUrls });
  return metrics;
}

function measureQueues(queues: Queues, registers: Registry[]): void {
  const gauge = (name: string, help: string, measure: (queue: Queues[keyof Queues]) => Promise<number>) =>
    new Gauge({
      name,
      help,
      labelNames: ['queue'],
      registers,
      async collect() {
        const values = await Promise.all(
          Object.entries(queues).map(
            async ([name, queue]) => [name, await measureWithin(500, () => measure(queue))] as const,
          ),
        );
        this.reset();
        for (const [name, value] of values) if (value !== undefined) this.set({ queue: name }, value);
      },
    });
  gauge('jobs_waiting', 'Jobs in the queue that no worker has begun', (queue) => queue.getWaitingCount());
  gauge('job_oldest_waiting_seconds', 'Age of the oldest job that no worker has begun', async (queue) => {
    const [oldest] = await queue.getJobs(['waiting'], 0, 0, true);
    return oldest === undefined ? 0 : (Date.now() - oldest.timestamp) / 1_000;
  });
}

function measureRows(db: Db, registers: Registry[]): void {
  // All gauges of one scrape share one query, so that none shows the value of an earlier scrape.
  let asking: Promise<OutboxDepth | undefined> | undefined;
  const ask = () => {
    asking ??= measureWithin(1_000, () => measureOutbox(db)).finally(() => {
      asking = undefined;
    });
    return asking;
  };
  const gauge = (name: string, help: string, pick: (depth: OutboxDepth) => number) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        const depth = await ask();
        this.remove();
        if (depth !== undefined) this.set(pick(depth));
      },
    });
  const counted = `, counted to ${countedTo}`;
  gauge('outbox_lag_seconds', 'Age of the oldest row that is due and not done', (depth) => depth.lagSeconds);
  gauge('outbox_pending', `Rows that are due and not done${counted}`, (depth) => depth.pending);
  gauge(
    'outbox_failing',
    `Rows that were tried in vain and are tried again${counted}`,
    (depth) => depth.failing,
  );
  gauge('outbox_dead_letters', `Rows that were given up, with a reason${counted}`, (depth) => depth.dead);
}

/** Metrics that are zero or absent while all is well. */
function measureTroubles(
  db: Db,
  redis: RedisClient | undefined,
  { registers, edgeUrls }: { registers: Registry[]; edgeUrls: readonly string[] },
): void {
  const gauge = (name: string, help: string, ask: () => Promise<number>) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        const value = await measureWithin(1_000, ask);
        this.remove();
        if (value !== undefined) this.set(value);
      },
    });
  const gauges = <Label extends string>(
    name: string,
    help: string,
    { label, ask }: { label: Label; ask: () => Promise<[name: string, value: number][]> },
  ) =>
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      async collect() {
        const values = await measureWithin(1_000, ask);
        this.reset();
        for (const [of, value] of values ?? []) this.set({ [label]: of } as Record<Label, string>, value);
      },
    });
  gauges('webhook_deliveries_waiting', 'Events that a webhook is still to be told', {
    label: 'webhook',
    ask: async () => (await measureWebhooks(db)).map(({ id, waiting }) => [id, waiting]),
  });
  gauges('webhook_failing_seconds', 'How long every attempt to tell a webhook has failed', {
    label: 'webhook',
    ask: async () => (await measureWebhooks(db)).map(({ id, failingSeconds }) => [id, failingSeconds]),
  });
  gauges('jobs_paused', 'Whether operators have paused a kind of job (1) or not (0)', {
    label: 'queue',
    ask: async () => {
      const paused = await readPausedKinds(db);
      return outboxKinds.map((kind) => [kind, paused.some((one) => one.kind === kind) ? 1 : 0]);
    },
  });
  gauges('purges_pending', 'Tags that an edge has not confirmed since it fell silent', {
    label: 'edge',
    ask: async () => {
      const pending = (await countPendingPurges(db)).map(({ edgeUrl, tags }) => [edgeUrl, tags] as const);
      return [...new Map([...edgeUrls.map((url) => [url, 0] as const), ...pending])];
    },
  });
  gauge(
    'payments_unclear',
    'Payments that staff must decide on, and money that came after a cancellation',
    () => countUnclearPayments(db),
  );
  if (redis !== undefined)
    gauge('cart_journal_carts', 'Carts with operations in the journal that Postgres does not have yet', () =>
      countJournals(redis),
    );
}

/** While a store is unreachable its metric is absent, neither 0 nor the last value. The page still answers. */
function measureWithin<T>(ms: number, measure: () => Promise<T>): Promise<T | undefined> {
  const tooLate = () => new Error(`Cannot measure within ${ms} ms`);
  return withinMs(ms, tooLate, measure).catch(() => undefined);
}
