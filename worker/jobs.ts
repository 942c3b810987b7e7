// Everything that works outbox rows: queues, their consumers, the relay, and the hint that wakes it.
import type { Worker } from 'bullmq';
import type { Settings } from '../origin/config.ts';
import type { Deps } from '../origin/deps.ts';
import { deliverMail } from '../origin/mail/deliver-mail.ts';
import { expireHold } from '../origin/order/expire-hold.ts';
import { createPaymentProviders } from '../origin/order/payment/providers.ts';
import { settlePayment } from '../origin/order/settle-payment.ts';
import { outboxChannel } from '../origin/outbox/hint.ts';
import { connectPatiently, connectRedis, type RedisClient } from '../origin/redis/connect.ts';
import { createInvalidateJob } from './jobs/invalidate.ts';
import { createMetrics, type WorkerMetrics } from './metrics.ts';
import { completeSeconds, createCloudFrontPurger } from './purge-cloudfront.ts';
import { type EdgePurger, purgeAll, startEdgePurger } from './purge-edges.ts';
import { kinds, openConsumer, openQueues, type QueuedRow, type Queues } from './queues.ts';
import { startRelay } from './relay.ts';
import { createRowWorker, type JobHandlers } from './work-row.ts';

export interface Jobs {
  queues: Queues;
  metrics: WorkerMetrics;
  stop(): Promise<void>;
}

export function startJobs(deps: Deps): Jobs {
  const { settings, db, log } = deps;
  const onError = (error: Error) => log.debug({ err: error }, 'queue connection');
  const redis = { urls: settings.redisUrls, name: 'queues', onError };
  // Says at once when Redis is away: the rows are as well off with the sweeper.
  const connection = connectRedis({ ...redis, commandTimeoutMs: 1_000 });
  const queues = openQueues(connection, onError);
  const metrics = createMetrics(db, queues);

  const consumers = new Map<string, Worker<QueuedRow>>();
  const edges = openEdges(deps, (maySend) => {
    const consumer = consumers.get('invalidate');
    if (maySend) consumer?.resume();
    else void consumer?.pause(true);
    relay.wake();
  });
  const providers = createPaymentProviders(settings);
  const handlers: JobHandlers = {
    invalidate: createInvalidateJob(deps.floors, edges),
    mail: (payload, job) => deliverMail(deps, payload, job),
    'settle-payment': ({ orderId }) => settlePayment(deps, orderId, providers),
    'expire-hold': ({ orderId }) => expireHold(deps, orderId),
  };
  const work = createRowWorker({
    db,
    handlers,
    log,
    metrics,
    invalidateSeconds: mostSeconds(settings),
  });
  for (const kind of kinds) consumers.set(kind, openConsumer(kind, connectPatiently(redis), work, onError));
  if (!edges.maySend()) void consumers.get('invalidate')?.pause(true);

  const relay = startRelay({
    db,
    queues,
    log,
    kinds: () => kinds.filter((kind) => kind !== 'invalidate' || edges.maySend()),
    work: (row) => work(row).catch(() => undefined),
  });
  const hints = listenForHints(connectPatiently(redis), () => relay.wake(), onError);

  return {
    queues,
    metrics,
    async stop() {
      hints.disconnect();
      await relay.stop();
      await Promise.all([...consumers.values()].map(endConsumer));
      await edges.stop();
      await Promise.all(Object.values(queues).map((queue) => within(1_000, queue.close())));
      connection.disconnect();
    },
  };
}

function openEdges({ settings, db, log }: Deps, onMaySend: (maySend: boolean) => void): EdgePurger {
  const { edgeUrls, edgePurgeKey, edgeLeaseSeconds, cloudFrontDistributionIds } = settings;
  const purgers: EdgePurger[] = [];
  if (edgeUrls.length > 0 && edgePurgeKey !== undefined)
    purgers.push(
      startEdgePurger({ db, log, edgeUrls, key: edgePurgeKey, leaseSeconds: edgeLeaseSeconds, onMaySend }),
    );
  if (cloudFrontDistributionIds.length > 0)
    purgers.push(createCloudFrontPurger({ distributionIds: cloudFrontDistributionIds }));
  return purgeAll(purgers);
}

/** Longer than an edge takes to fall silent for good, and than CloudFront may take. */
function mostSeconds({ edgeLeaseSeconds, cloudFrontDistributionIds }: Settings): number {
  return edgeLeaseSeconds + 15 + (cloudFrontDistributionIds.length > 0 ? 2 * completeSeconds : 0);
}

function listenForHints(
  redis: RedisClient,
  onHint: () => void,
  onError: (error: Error) => void,
): RedisClient {
  redis.on('message', onHint);
  redis.subscribe(outboxChannel).catch(onError);
  return redis;
}

const drainMs = 6_000;

/** Lets running jobs end. What a consumer asks of a Redis that is away it asks for ever, hence the deadlines. */
async function endConsumer(consumer: Worker<QueuedRow>): Promise<void> {
  await within(drainMs, consumer.close());
  await within(500, consumer.disconnect());
}

async function within(ms: number, closing: Promise<unknown>): Promise<void> {
  const deadline = new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
  await Promise.race([closing.catch(() => undefined), deadline]);
}
