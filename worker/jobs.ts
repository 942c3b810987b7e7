// Starts the work on outbox rows: queues, their consumers, the relay, and the subscription that wakes it.
// It also sends the mails.

import type { Worker } from 'bullmq';
import { turnDueSales } from '../origin/catalog/change/turn-sales.ts';
import { withinMs } from '../origin/concurrency/deadline.ts';
import type { Settings } from '../origin/config.ts';
import type { Deps } from '../origin/deps.ts';
import { deliverWebhooks } from '../origin/integration/deliver-webhooks.ts';
import type { MailAttempt } from '../origin/mail/mail.ts';
import { createTransport, removeOldDrafts } from '../origin/mail/transport.ts';
import { payBack } from '../origin/order/life/pay-back.ts';
import { expireHold, settlePayment } from '../origin/order/pay-order.ts';
import { createPaymentProviders } from '../origin/order/payment/providers.ts';
import { type OutboxPayloads, outboxChannel, outboxKinds } from '../origin/outbox/events.ts';
import { type OutboxRow, readPayload } from '../origin/outbox/work.ts';
import { prepareMail } from '../origin/prepare-mail.ts';
import { forgetTraces } from '../origin/privacy/forget-traces.ts';
import { connectPatiently, connectRedis, type RedisClient } from '../origin/redis/connect.ts';
import type { Db } from '../origin/schema.ts';
import { createFigureRecorder } from './figures.ts';
import { createInvalidateJob } from './invalidate.ts';
import { createMetrics, type WorkerMetrics } from './metrics.ts';
import { createMailOutage, type MailOutage } from './outage.ts';
import { createAskingEdgesPurger } from './purge-asking-edges.ts';
import { completeSeconds, createCloudFrontPurger } from './purge-cloudfront.ts';
import { type EdgePurger, purgeAll, startEdgePurger } from './purge-edges.ts';
import { openConsumer, openQueues, type QueuedRow, type Queues } from './queues.ts';
import { startRelay } from './relay.ts';
import { reportMs, writeReport } from './reports.ts';
import { measureSurroundings } from './surroundings.ts';
import { every } from './timed-tasks.ts';
import { createRowWorker, type JobHandlers } from './work-row.ts';

export interface Jobs {
  queues: Queues;
  metrics: WorkerMetrics;
  stop(): Promise<void>;
}

export function startJobs(deps: Deps): Jobs {
  const { settings, db, log } = deps;
  const name = `${settings.zone}/${settings.instance}`;
  const onError = (error: Error) => log.debug({ err: error }, 'queue connection');
  const redis = { urls: settings.redisUrls, name: 'queues', onError };
  // Fails fast while Redis is unreachable. The sweeper then works the rows without it.
  const connection = connectRedis({ ...redis, commandTimeoutMs: 1_000 });
  const queues = openQueues(connection, onError);
  const metrics = createMetrics(db, queues, deps.redis, settings.edgeUrls);
  measureSurroundings({ settings, db, registry: metrics.registry });
  const figures = createFigureRecorder(db);

  const consumers = new Map<string, Worker<QueuedRow>>();
  const edges = openEdges(deps, (maySend) => {
    const consumer = consumers.get('invalidate');
    if (maySend) consumer?.resume();
    else void consumer?.pause(true);
    relay.wake();
  });
  const stopping = new AbortController();
  const workRow = createRowWorker({
    db,
    name,
    handlers: createHandlers(deps, edges),
    log,
    metrics,
    figures,
    invalidateSeconds: longestInvalidationSeconds(settings),
    stopping: stopping.signal,
  });
  const mailOutage = createMailOutage();
  const workMail = createMailWork(db, workRow, mailOutage);
  const work = async (row: OutboxRow) => {
    if (row.kind !== 'mail') return workRow(row);
    await workMail(row).finally(() => relay.wakeMail());
  };
  for (const kind of outboxKinds)
    consumers.set(kind, openConsumer(kind, connectPatiently(redis), work, onError));
  if (!edges.maySend()) void consumers.get('invalidate')?.pause(true);

  const relay = startRelay({
    db,
    queues,
    log,
    mayCarry: (kind) => {
      if (kind === 'invalidate') return edges.maySend();
      return kind !== 'mail' || !mailOutage.isOn();
    },
    work: (row) => work(row).catch(() => undefined),
  });
  void removeOldDrafts(settings).catch((error: unknown) =>
    log.debug({ err: error }, 'old drafts of mails stay'),
  );
  const wakeUps = listenForWakeUps(connectPatiently(redis), () => relay.wake(), onError);

  const report = async () => {
    await writeReport(db, name, {
      purges: edges.edges().length > 0,
      edges: edges.edges(),
      mailServerAway: mailOutage.isOn(),
    });
    await figures.write();
  };
  const reports = every(reportMs, report, log, 'report to operators');

  return {
    queues,
    metrics,
    async stop() {
      wakeUps.disconnect();
      await reports.stop();
      const drained = Promise.all([
        relay.stop(),
        ...[...consumers.values()].map((consumer) => consumer.close()),
      ]);
      await closeWithin(drainMs, drained);
      // A mail server may answer late. The signal makes a stopping worker end in time.
      stopping.abort(new Error('This worker is stopping'));
      await closeWithin(1_000, drained);
      await Promise.all([closeWithin(2_000, edges.stop()), closeWithin(500, figures.write())]);
      await Promise.all([
        ...[...consumers.values()].map((consumer) => closeWithin(500, consumer.disconnect())),
        ...Object.values(queues).map((queue) => closeWithin(1_000, queue.close())),
      ]);
      connection.disconnect();
    },
  };
}

/** The handler of each kind of job. */
function createHandlers(deps: Deps, edges: EdgePurger): JobHandlers {
  const providers = createPaymentProviders(deps.settings);
  return {
    invalidate: createInvalidateJob(deps.floors, edges),
    mail: (payload, job) => deliverMail(deps, payload, job),
    'settle-payment': ({ orderId }) => settlePayment(deps, orderId, providers),
    'expire-hold': ({ orderId }) => expireHold(deps, orderId),
    'pay-back': ({ orderId }) => payBack(deps, providers, orderId),
    'deliver-webhooks': ({ endpointId }, job) => deliverWebhooks(deps, endpointId, job.signal),
    // The row is due by the clock of Postgres, which may be slightly ahead of this one.
    'turn-sales': ({ at }) => turnDueSales(deps, Math.max(deps.now(), Date.parse(at))),
    async forget(traces) {
      await forgetTraces(deps, traces);
      // For an account, the origin that deleted it has logged the erasure.
      if (traces.orders !== undefined)
        deps.log.info({ security: 'erasure', orders: traces.orders }, 'security');
    },
  };
}

/** Works mails, and records whether their server answers. */
function createMailWork(
  db: Db,
  workRow: (row: OutboxRow) => Promise<void>,
  outage: MailOutage,
): (row: OutboxRow) => Promise<void> {
  return async (row) => {
    // A row from the queue has no payload. It is gone if its recipient was erased meanwhile.
    const payload = row.payload ?? (await readPayload(db, row.id));
    if (payload === undefined) return;
    try {
      await workRow({ ...row, payload });
      outage.note(undefined);
    } catch (error) {
      outage.note(error);
      throw error;
    }
  };
}

function openEdges({ settings, db, log, lineage }: Deps, onMaySend: (maySend: boolean) => void): EdgePurger {
  const { edgeUrls, edgePurgeKey, edgeLeaseSeconds, cloudFrontDistributionIds } = settings;
  const purgers: EdgePurger[] = [];
  if (edgeUrls.length > 0 && edgePurgeKey !== undefined)
    purgers.push(
      startEdgePurger({
        db,
        log,
        edgeUrls,
        key: edgePurgeKey,
        leaseSeconds: edgeLeaseSeconds,
        onMaySend,
        lineage,
      }),
    );
  if (edgePurgeKey !== undefined)
    purgers.push(createAskingEdgesPurger({ db, log, leaseSeconds: edgeLeaseSeconds, lineage }));
  if (cloudFrontDistributionIds.length > 0)
    purgers.push(createCloudFrontPurger({ distributionIds: cloudFrontDistributionIds, lineage }));
  return purgeAll(purgers);
}

/** Longer than an unreachable edge may serve its entries, and longer than CloudFront may take. */
function longestInvalidationSeconds({ edgeLeaseSeconds, cloudFrontDistributionIds }: Settings): number {
  return edgeLeaseSeconds + 15 + (cloudFrontDistributionIds.length > 0 ? 2 * completeSeconds : 0);
}

function listenForWakeUps(
  redis: RedisClient,
  onWakeUp: () => void,
  onError: (error: Error) => void,
): RedisClient {
  redis.on('message', onWakeUp);
  redis.subscribe(outboxChannel).catch(onError);
  return redis;
}

/**
 * Time for running jobs to end. Together with the later steps it stays below ten seconds, in which a whole shop must
 * stop.
 */
const drainMs = 5_000;

/** Bounds a close, because an unreachable store may never answer and the worker must still stop. */
async function closeWithin(ms: number, closing: Promise<unknown>): Promise<void> {
  const tooLate = () => new Error(`Cannot close within ${ms} ms`);
  await withinMs(ms, tooLate, () => closing).catch(() => undefined);
}

type Payload = OutboxPayloads['mail'];
type MailJob = MailAttempt & { note?: (step: string) => void };

/** @throws MailFailure where the mail could not be sent */
export async function deliverMail(deps: Deps, payload: Payload, job: MailJob): Promise<void> {
  const mail = await prepareMail(deps, payload, job.id);
  // There is no recipient: an address without an account, or an order whose buyer was deleted.
  if (mail === undefined) return job.note?.('nobody to write to');
  job.note?.('mail rendered');
  await createTransport(deps.settings).send(mail, job);
  job.note?.(deps.settings.smtpUrl === undefined ? 'mail written to a file' : 'mail taken by its server');
}
