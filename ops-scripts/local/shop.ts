// The whole shop on one machine: stores first, then schema and catalog, then origin and worker; stopped in the reverse order.
import { join } from 'node:path';
import type { LocalSettings } from './config.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { type Books, keepBooks } from './keep-books.ts';
import { type KeptSecrets, keepSecrets } from './kept-secrets.ts';
import { startNodePart } from './node-part.ts';
import type { Store } from './part.ts';
import { startPostgres } from './postgres.ts';
import { prepareDatabase } from './prepare-database.ts';
import { startRedisServer } from './redis.ts';
import type { RunningShop } from './running-file.ts';
import { choosePorts, type ShopPorts } from './shop-ports.ts';
import type { Step } from './steps.ts';
import { supervise } from './supervise.ts';

export interface ShopHooks {
  /** Aborts a start that is under way. */
  signal: AbortSignal;
  step: Step;
  /** A part died and is started again. */
  onEvent: (sentence: string) => void;
  /** A part died too often: the whole must stop. */
  onGiveUp: (sentence: string) => void;
}

export interface Shop {
  storefrontUrl: string;
  workerUrl: string;
  staff: { email: string; password: string };
  operatorPassword: string;
  /** Whether the passwords were made now and must be shown. */
  firstStart: boolean;
  dataDir: string;
  /** Within 10 s, data kept. */
  stop(): Promise<void>;
}

/** @throws one sentence that says what to do, nothing left running. */
export async function startShop(settings: LocalSettings, hooks: ShopHooks): Promise<Shop> {
  await using standing = new AsyncDisposableStack();
  const folder = standing.adopt(await openDataFolder(settings.dataDir), (open) => open.release());
  const ports = await choosePorts(settings);
  const { secrets, fresh } = keepSecrets(folder.path);
  const running: RunningShop = {
    pid: process.pid,
    storefrontUrl: `http://localhost:${ports.origin}`,
    workerUrl: `http://localhost:${ports.worker}`,
    databaseUrl: settings.databaseUrl ?? '',
    redisUrl: settings.redisUrl ?? '',
    parts: [],
  };
  const books = standing.adopt(keepBooks(folder.path, running), (open) => open.close());
  const run = { settings, hooks, folder, secrets, books, standing };

  const [databaseUrl, redisUrl] = await hooks.step('Starting Postgres and Redis', () => startStores(run));
  books.note({ databaseUrl, redisUrl });
  const prepare = () =>
    hooks.step('Preparing the database', () => prepareDatabase(databaseUrl, hooks.signal));
  const staff = { email: settings.staffEmail, password: settings.staffPassword ?? secrets.staffPassword };
  const operatorPassword = settings.operatorPassword ?? secrets.operatorPassword;
  const env = {
    ...settings.environment,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    DATA_DIR: folder.path,
    HOST: settings.host,
    PORT: String(ports.origin),
    WORKER_PORT: String(ports.worker),
    COOKIE_KEYS: settings.cookieKeys ?? secrets.cookieKey,
    STAFF_EMAIL: staff.email,
    STAFF_PASSWORD: staff.password,
    OPERATOR_PASSWORD: operatorPassword,
  };
  const launch = () => hooks.step('Starting origin and worker', () => startProcesses(run, env, ports));
  // After the first start the schema stands: a page need not wait until we have seen that.
  if (fresh) await prepare();
  await allOrFirstFailure(fresh ? [launch()] : [prepare(), launch()]);

  const stack = standing.move();
  return {
    storefrontUrl: running.storefrontUrl,
    workerUrl: running.workerUrl,
    staff,
    operatorPassword,
    firstStart: fresh,
    dataDir: folder.path,
    stop: async () => {
      books.note({ stopping: true });
      await stack.disposeAsync();
    },
  };
}

interface Run {
  settings: LocalSettings;
  hooks: ShopHooks;
  folder: DataFolder;
  secrets: KeptSecrets;
  books: Books;
  standing: AsyncDisposableStack;
}

async function startStores(run: Run): Promise<[string, string]> {
  const { settings, hooks, folder, secrets } = run;
  const shared = { signal: hooks.signal, onProgress: hooks.onEvent };
  const postgres = (port: number, signal: AbortSignal) =>
    startPostgres({
      ...shared,
      signal,
      folder: join(folder.path, 'postgres'),
      password: secrets.postgresPassword,
      logFile: join(folder.path, 'logs', 'postgres.log'),
      port,
    });
  const redis = (port: number, signal: AbortSignal) =>
    startRedisServer({
      ...shared,
      signal,
      folder: join(folder.path, 'redis'),
      password: secrets.redisPassword,
      logFile: join(folder.path, 'logs', 'redis.log'),
      toolsFolder: join(folder.path, 'tools'),
      port,
    });
  const urls = await allOrFirstFailure([
    settings.databaseUrl ?? keepStore(run, 'Postgres', postgres),
    settings.redisUrl ?? keepStore(run, 'Redis', redis),
  ]);
  return urls as [string, string];
}

/** A store that died comes back on the port that it had: origin and worker know it by that. */
async function keepStore(
  run: Run,
  name: string,
  start: (port: number, signal: AbortSignal) => Promise<Store>,
): Promise<string> {
  let port = 0;
  const store = await supervise({
    name,
    signal: run.hooks.signal,
    start: (signal) => start(port, signal),
    onStarted: (part) => {
      port = Number(new URL(part.url).port);
      run.books.add(part);
    },
    onEvent: run.hooks.onEvent,
    onGiveUp: run.hooks.onGiveUp,
  });
  run.standing.defer(() => store.stop());
  return store.current().url;
}

async function startProcesses(
  run: Run,
  env: Record<string, string | undefined>,
  ports: ShopPorts,
): Promise<void> {
  const host = run.settings.host === '0.0.0.0' ? '127.0.0.1' : run.settings.host;
  const keep = async (name: string, port: number) => {
    const process = await supervise({
      name,
      signal: run.hooks.signal,
      start: (signal) =>
        startNodePart({
          name,
          entry: `${name}/main.ts`,
          env: { ...env, INSTANCE: `${name}-1` },
          logFile: join(run.folder.path, 'logs', `${name}.log`),
          readyUrl: `http://${host}:${port}/readyz`,
          signal,
        }),
      onStarted: run.books.add,
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

/** Waits for all, also when one fails: whatever was started is then known, and stopped. */
async function allOrFirstFailure<T>(work: (Promise<T> | T)[]): Promise<T[]> {
  const ends = await Promise.allSettled(work);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
}
