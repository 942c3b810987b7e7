// Starts the origin process: settings, connections, migrations, the app; stops it without failing a request.

import { setTimeout as delay } from 'node:timers/promises';
import { createClientAddress } from '../http/client-address.ts';
import { StartFault } from '../http/system-faults.ts';
import { createPasswords, ensureStaffAccount } from './account/passwords.ts';
import { createApp } from './app.ts';
import { createCarts } from './cart/create-carts.ts';
import { readSettings, SettingsError } from './config.ts';
import { createDeps } from './deps.ts';
import { createLog } from './log.ts';
import { migrateAsOwner } from './postgres/app-role.ts';
import { migrateToLatest } from './postgres/migrate.ts';
import { findWeakSecrets, onStopSignal, startWhenPossible } from './start-and-stop.ts';
import { startTracing } from './trace-stores.ts';
import { versionReaders } from './version-readers.ts';
import { watchStores } from './watch-stores.ts';
import { currentAssets, storeReleaseAssets, storeReleaseAssetsRegularly } from './web/assets.ts';
import { createRefuseUnreadable } from './web/problem.ts';
import { createFinishHeaders } from './web/response-headers.ts';
import { Health } from './web/serving/health.ts';
import { serve, serveMetrics } from './web/serving/serve.ts';
import { createWarmPageResponder } from './web/serving/warm-page-responder.ts';

const noticeMs = 2_000;
const drainMs = 6_000;

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const log = createLog(settings, 'origin');
  for (const warning of findWeakSecrets(settings)) log.warn(warning);
  const spans = await startTracing(settings, 'origin', log);
  await using deps = createDeps(settings, log, { versionReaders });
  await using _watch = watchStores(settings, log, deps.registry);
  const health = new Health();
  const carts = createCarts(deps);
  const passwords = createPasswords();
  const app = createApp(deps, carts, health, { passwords });
  const warmPages = createWarmPageResponder(deps, createFinishHeaders(settings));
  const server = await serve({
    fetch: app.fetch,
    warmPages,
    refuse: createRefuseUnreadable(settings),
    clientAddress: createClientAddress(settings.trustedProxies),
    tls: settings.tls,
    host: settings.host,
    port: settings.port,
    setting: 'PORT',
  });
  const { host, metricsPort } = settings;
  const metrics =
    metricsPort === undefined ? undefined : await serveMetrics(deps.registry, host, metricsPort);
  // The stores may be unreachable at start. The process must become ready all the same.
  const preparing = startWhenPossible(log, 'prepare the database', async () => {
    const { databaseUrl, migrationDatabaseUrl } = settings;
    if (migrationDatabaseUrl === undefined) await migrateToLatest(deps.db);
    else await migrateAsOwner({ databaseUrl, migrationDatabaseUrl });
    await storeReleaseAssets(deps.db, currentAssets());
    if (settings.staff) await ensureStaffAccount(deps.db, passwords, settings.staff);
  });
  const stopStoringAssets = storeReleaseAssetsRegularly(deps, currentAssets());
  await preparing.soon;
  health.markReady();
  log.info({ port: server.port }, 'ready');

  await onStopSignal();
  health.drain();
  log.info('draining');
  preparing.cancel();
  stopStoringAssets();
  // Serves new connections until the load balancer has noticed, and then stops accepting them.
  if (health.isWatched) await delay(noticeMs);
  await server.stop(drainMs);
  await metrics?.stop(0);
  await carts.close();
  await spans?.stop();
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
