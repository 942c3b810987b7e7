// Starts the worker process: relay and jobs, timed tasks, the drain of cart journals, and the dashboard.
import { setTimeout as delay } from 'node:timers/promises';
import { StartFault } from '../http/system-faults.ts';
import { pruneEmailChanges } from '../origin/account/change-email.ts';
import { createRateLimits } from '../origin/account/rate-limits.ts';
import { pruneAccounts } from '../origin/account/reset-password.ts';
import { pruneCartOperations, pruneGuestCarts } from '../origin/cart/server/forget-carts.ts';
import { drainJournals } from '../origin/cart/server/journal-drain.ts';
import { raiseDirtySets, raiseDirtyStock } from '../origin/catalog/change/dirty-versions.ts';
import { dayOfShop } from '../origin/checkout/delivery-dates.ts';
import { turnDay } from '../origin/checkout/shipping-methods.ts';
import { readSettings, SettingsError } from '../origin/config.ts';
import { createDeps } from '../origin/deps.ts';
import { pruneFloors } from '../origin/edges/floor-log.ts';
import { beginDeliveries } from '../origin/integration/deliver-webhooks.ts';
import { numberShopEvents, pruneShopEvents } from '../origin/integration/shop-events.ts';
import { createLog } from '../origin/log.ts';
import { pruneOutbox } from '../origin/outbox/work.ts';
import { isMigrated } from '../origin/postgres/migrate.ts';
import { pruneMailFiles, pruneRecords } from '../origin/privacy/retention.ts';
import { findWeakSecrets, onStopSignal } from '../origin/start-and-stop.ts';
import { startTracing } from '../origin/trace-stores.ts';
import { versionReaders } from '../origin/version-readers.ts';
import { watchStores } from '../origin/watch-stores.ts';
import { createRefuseUnreadable } from '../origin/web/problem.ts';
import { Health } from '../origin/web/serving/health.ts';
import { serve } from '../origin/web/serving/serve.ts';
import { startAlerts } from './alerts.ts';
import { createDashboard } from './dashboard.ts';
import { pruneFigures } from './figures.ts';
import { startJobs } from './jobs.ts';
import { createTaskRecorder } from './reports.ts';
import { startTimedTasks } from './timed-tasks.ts';

/** Together below ten seconds, in which a whole shop must stop whatever a store or a mail server does. */
const workEndsMs = 9_000;
const answersEndMs = 700;

async function main(): Promise<void> {
  const settings = readSettings(process.env, 'worker-1');
  const log = createLog(settings, 'worker');
  for (const warning of findWeakSecrets(settings)) log.warn(warning);
  const spans = await startTracing(settings, 'worker', log);
  await using deps = createDeps(settings, log, { versionReaders, poolSize: 20 });
  const health = new Health();
  const jobs = startJobs(deps);
  await using _watch = watchStores(settings, log, jobs.metrics.registry);
  const dashboard = createDashboard({
    settings,
    queues: jobs.queues,
    metrics: jobs.metrics,
    health,
    db: deps.db,
    wake: deps.wakeWorker,
    limits: createRateLimits(deps),
    log,
  });
  const server = await serve({
    fetch: dashboard.fetch,
    refuse: createRefuseUnreadable(settings),
    tls: settings.tls,
    host: settings.host,
    port: settings.workerPort,
    setting: 'WORKER_PORT',
  });

  const recorder = createTaskRecorder(deps.db, `${settings.zone}/${settings.instance}`);
  const tasks = startTimedTasks(
    deps,
    log,
    [
      { name: 'raise the versions of stock', everyMs: 1_000, run: (tx) => raiseDirtyStock(tx) },
      { name: 'raise the versions of lists', everyMs: 1_000, run: (tx) => raiseDirtySets(tx) },
      { name: 'number what happened', everyMs: 1_000, run: () => numberShopEvents(deps.db) },
      { name: 'begin deliveries to webhooks', everyMs: 1_000, run: (tx) => beginDeliveries(tx) },
      { name: 'forget old events', everyMs: 60_000, run: (tx) => pruneShopEvents(tx) },
      {
        name: 'turn the day of delivery dates',
        everyMs: 5_000,
        run: (tx) => turnDay(tx, dayOfShop(deps.now(), settings.shopCountry)),
      },
      {
        name: 'forget finished work',
        everyMs: 60_000,
        run: (tx) => pruneOutbox(tx, settings.keep.KEEP_MAILS_DAYS),
      },
      { name: 'forget floors of long ago', everyMs: 60_000, run: (tx) => pruneFloors(tx) },
      { name: 'forget ended sessions', everyMs: 600_000, run: (tx) => pruneAccounts(tx) },
      { name: 'forget changes of e-mails', everyMs: 600_000, run: (tx) => pruneEmailChanges(tx) },
      { name: 'forget old cart operations', everyMs: 60_000, run: () => pruneCartOperations(deps) },
      {
        name: 'forget persons past their time',
        everyMs: 600_000,
        run: (tx) => pruneRecords(tx, settings.keep),
      },
      {
        name: "forget guests' old carts",
        everyMs: 600_000,
        run: () => pruneGuestCarts(deps, settings.keep.KEEP_CARTS_DAYS),
      },
      { name: 'forget old mail files', everyMs: 3_600_000, runEverywhere: () => pruneMailFiles(settings) },
      { name: 'forget old figures', everyMs: 600_000, run: (tx) => pruneFigures(tx) },
      {
        name: 'drain cart journals',
        everyMs: 1_000,
        runEverywhere: (signal) => drainJournals(deps, signal),
      },
    ],
    recorder,
  );
  const alerts = startAlerts(deps, jobs.metrics.registry);
  // A database that does not answer is not reported as unmigrated.
  if (!(await isMigrated(deps.db).catch(() => true)))
    log.warn('the database is not migrated yet; work begins when it is');
  health.markReady();
  log.info({ port: server.port }, 'ready');

  await onStopSignal();
  health.drain();
  const ended = Promise.all([tasks.stop(), alerts.stop(), jobs.stop()]);
  await Promise.race([ended, delay(workEndsMs, undefined, { ref: false })]);
  const spansSent = Promise.race([spans?.stop(), delay(answersEndMs, undefined, { ref: false })]);
  await Promise.all([server.stop(answersEndMs), spansSent]);
  log.info('stopped');
}

// Exits explicitly, because a signal listener keeps Deno's event loop alive.
main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof SettingsError || error instanceof StartFault ? error.message : error);
    process.exit(1);
  },
);
