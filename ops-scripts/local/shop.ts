// Starts the whole shop on one machine: stores, schema, catalog, origin and worker. Stops in the reverse order.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalSettings } from './config.ts';
import { type DataFolder, type KeptSecrets, keepSecrets, openDataFolder } from './data-folder.ts';
import { startNodePart } from './node-part.ts';
import { type StoreServer, supervise } from './part.ts';
import { choosePorts, findFreePort, ownAddress, type ShopPorts } from './ports.ts';
import { appRoleUrl, postgresUrl, startPostgres } from './postgres.ts';
import { type ProcessRecord, type RunningShop, recordParts } from './processes.ts';
import { redisUrl, startRedisServer } from './redis.ts';
import { allOrFirstFailure } from './wait-until.ts';

interface ShopHooks {
  /** Aborts a start that is in progress. */
  signal: AbortSignal;
  step: Step;
  /** Called when a part died and is started again. */
  onEvent: (sentence: string) => void;
  /** Called when a part died too often and everything must stop. */
  onGiveUp: (sentence: string) => void;
}

export interface Shop {
  storefrontUrl: string;
  workerUrl: string;
  dataDir: string;
  /** Stops within 10 s. The data is kept. */
  stop(): Promise<void>;
}

/** @throws one sentence that says what to do, with nothing left running */
export async function startShop(settings: LocalSettings, hooks: ShopHooks): Promise<Shop> {
  await using standing = new AsyncDisposableStack();
  const folder = standing.adopt(await openDataFolder(settings.dataDir), (open) => open.release());
  const ports = await choosePorts(settings);
  const secrets = keepSecrets(folder.path);
  const running: RunningShop = {
    pid: process.pid,
    storefrontUrl: `http://localhost:${ports.origin}`,
    workerUrl: `http://localhost:${ports.worker}`,
    databaseUrl: '',
    appDatabaseUrl: '',
    redisUrl: '',
    parts: [],
  };
  const processes = standing.adopt(recordParts(folder.path, running), (open) => open.close());
  // Once a part cannot start, the start no longer waits for parts that need it.
  const giveUp = new AbortController();
  const signal = AbortSignal.any([hooks.signal, giveUp.signal]);
  const run = { settings, hooks: { ...hooks, signal }, folder, secrets, processes, standing };

  const stores = await placeStores(run);
  const { databaseUrl, appDatabaseUrl, redisUrl } = stores;
  processes.note({ databaseUrl, appDatabaseUrl, redisUrl });
  const env = {
    ...settings.environment,
    DATABASE_URL: appDatabaseUrl,
    MIGRATION_DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    DATA_DIR: folder.path,
    HOST: settings.host,
    PORT: String(ports.origin),
    WORKER_PORT: String(ports.worker),
    COOKIE_KEYS: settings.cookieKeys ?? secrets.cookieKey,
    STAFF_EMAIL: settings.staffEmail,
    STAFF_PASSWORD: settings.staffPassword ?? secrets.staffPassword,
    OPERATOR_PASSWORD: settings.operatorPassword ?? secrets.operatorPassword,
  };
  const startStores = () => hooks.step('Starting Postgres and Redis', stores.start);
  const launch = () => hooks.step('Starting origin and worker', () => startProcesses(run, env, ports));
  if (stores.isPrepared()) {
    // Origin and worker take as long to load their code as the stores to start. The origin migrates the schema itself.
    const work = [startStores(), launch()];
    for (const part of work) part.catch((error) => giveUp.abort(error));
    await allOrFirstFailure(work);
  } else {
    await startStores();
    // This module is only loaded when needed, so that a later start is faster.
    const { prepareDatabase } = await import('./prepare-database.ts');
    await hooks.step('Preparing the database', () => prepareDatabase(stores, signal));
    stores.markPrepared();
    await launch();
  }

  const stack = standing.move();
  return {
    storefrontUrl: running.storefrontUrl,
    workerUrl: running.workerUrl,
    dataDir: folder.path,
    stop: async () => {
      processes.note({ stopping: true });
      await stack.disposeAsync();
    },
  };
}

interface Run {
  settings: LocalSettings;
  hooks: ShopHooks;
  folder: DataFolder;
  processes: ProcessRecord;
  standing: AsyncDisposableStack;
}

async function startProcesses(
  run: Run,
  env: Record<string, string | undefined>,
  ports: ShopPorts,
): Promise<void> {
  const host = ownAddress(run.settings.host);
  // A configured name is that of the origin, which shows it in every answer. Two processes cannot have the same name.
  const instances = { origin: run.settings.environment['INSTANCE'] ?? 'origin-1', worker: 'worker-1' };
  const keep = async (name: 'origin' | 'worker', port: number) => {
    const process = await supervise({
      name,
      signal: run.hooks.signal,
      start: (signal) =>
        startNodePart({
          name,
          entry: `${name}/main.ts`,
          // The worker changes no schema.
          env: {
            ...env,
            INSTANCE: instances[name],
            ...(name === 'worker' ? { MIGRATION_DATABASE_URL: undefined } : {}),
          },
          logFile: join(run.folder.path, 'logs', `${name}.log`),
          readyUrl: `http://${host}:${port}/readyz`,
          onSpawned: run.processes.add,
          signal,
        }),
      onEvent: run.hooks.onEvent,
      onGiveUp: run.hooks.onGiveUp,
    });
    return process;
  };
  const starts = await Promise.allSettled([keep('origin', ports.origin), keep('worker', ports.worker)]);
  const processes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  run.standing.defer(async () => {
    await Promise.all(processes.map((process) => process.stop()));
  });
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Prints progress on standard error for steps that take long. */
type Step = <T>(sentence: string, work: () => Promise<T>) => Promise<T>;

export function createSteps(report: (line: string) => void, quietMs = 700): Step {
  return async (sentence, work) => {
    const timer = setTimeout(() => report(`${sentence} …`), quietMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  };
}

// The stores of a local shop. Their addresses are known before they run, so that processes can start beside them.

interface StoresPlan {
  settings: LocalSettings;
  folder: DataFolder;
  secrets: KeptSecrets;
  processes: ProcessRecord;
  standing: AsyncDisposableStack;
  hooks: {
    signal: AbortSignal;
    onEvent: (sentence: string) => void;
    onGiveUp: (sentence: string) => void;
  };
}

interface PlacedStores {
  /** For the role that owns the tables. */
  databaseUrl: string;
  /** For the role of origin and worker. */
  appDatabaseUrl: string;
  redisUrl: string;
  /**
   * Starts the stores that are not set from outside. Resolves when they answer. @throws a sentence that says what to do
   */
  start(): Promise<void>;
  /** Whether schema and demo catalog are known to be complete. For a database from outside it is never known. */
  isPrepared(): boolean;
  markPrepared(): void;
}

async function placeStores(plan: StoresPlan): Promise<PlacedStores> {
  const { settings, folder, secrets, hooks } = plan;
  const postgresFolder = join(folder.path, 'postgres');
  // The file is in the data folder, so that it is removed together with it. Postgres ignores files that it does not
  // know.
  const preparedFile = join(postgresFolder, 'myclothes.prepared');
  const ports = { postgres: await findFreePort(), redis: await findFreePort() };
  const owner = postgresUrl(secrets.postgresPassword, ports.postgres);
  const postgres = (signal: AbortSignal) =>
    startPostgres({
      folder: postgresFolder,
      password: secrets.postgresPassword,
      logFile: join(folder.path, 'logs', 'postgres.log'),
      port: ports.postgres,
      onSpawned: plan.processes.add,
      onProgress: hooks.onEvent,
      signal,
    });
  const redis = (signal: AbortSignal) =>
    startRedisServer({
      folder: join(folder.path, 'redis'),
      password: secrets.redisPassword,
      logFile: join(folder.path, 'logs', 'redis.log'),
      toolsFolder: join(folder.path, 'tools'),
      port: ports.redis,
      onSpawned: plan.processes.add,
      onProgress: hooks.onEvent,
      signal,
    });
  return {
    databaseUrl: settings.migrationDatabaseUrl ?? settings.databaseUrl ?? owner,
    appDatabaseUrl: settings.databaseUrl ?? appRoleUrl(owner),
    redisUrl: settings.redisUrl ?? redisUrl(secrets.redisPassword, ports.redis),
    start: async () => {
      const own = [
        ...(settings.databaseUrl === undefined ? [keepStore(plan, 'Postgres', postgres)] : []),
        ...(settings.redisUrl === undefined ? [keepStore(plan, 'Redis', redis)] : []),
      ];
      await allOrFirstFailure(own);
    },
    isPrepared: () => settings.databaseUrl === undefined && existsSync(preparedFile),
    markPrepared: () => {
      if (settings.databaseUrl === undefined) writeFileSync(preparedFile, '');
    },
  };
}

/** Supervises a store. After a restart it has the same port, because origin and worker know it by that. */
async function keepStore(
  plan: StoresPlan,
  name: string,
  start: (signal: AbortSignal) => Promise<StoreServer>,
): Promise<void> {
  const store = await supervise({
    name,
    signal: plan.hooks.signal,
    start,
    onEvent: plan.hooks.onEvent,
    onGiveUp: plan.hooks.onGiveUp,
  });
  plan.standing.defer(() => store.stop());
}
