// Starts one Postgres server on the loopback address with its data in one folder, and recovers after kill -9.
import { createHash } from 'node:crypto';
import { realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import {
  describeExit,
  logHint,
  type PartOptions,
  type RunningPart,
  type StoreServer,
  startPart,
} from './part.ts';
import { startOnPort } from './ports.ts';
import {
  dataFolderArgument,
  locatePostgresBinaries,
  postgresUser,
  preparePostgresFolder,
  unprivilegedUser,
} from './postgres-folder.ts';
import { endProcessesIn } from './processes.ts';
import { waitUntil } from './wait-until.ts';

export interface PostgresOptions {
  /** The name in messages and logs: "Postgres", "postgres-a". */
  name?: string;
  folder: string;
  password: string;
  logFile: string;
  /** 0 or absent: a free port. */
  port?: number;
  /**
   * Further server settings, as on its command line. They must be no secrets, because every user of the machine sees
   * them.
   */
  settings?: Record<string, string>;
  /** The longest wait until it answers. Recovery after a crash takes a while. */
  deadlineMs?: number;
  onSpawned?: PartOptions['onSpawned'];
  onProgress?: (sentence: string) => void;
  signal?: AbortSignal | undefined;
}

const database = 'myclothes';

/**
 * Makes the data folder if there is none, starts the server, makes the database `myclothes`, and returns when it
 * answers.
 * @throws one sentence that says what to do, with nothing left running
 */
export async function startPostgres(options: PostgresOptions): Promise<StoreServer> {
  const user = unprivilegedUser();
  const binaries = await locatePostgresBinaries(user);
  const sync = options.settings?.['fsync'] !== 'off';
  await preparePostgresFolder({ ...options, binaries, user, sync });
  const server = await startPostgresServer(options);
  await ensureDatabase(server.url);
  return server;
}

/** Starts a server on an existing data folder, primary or standby, and returns when it answers. */
export async function startPostgresServer(options: PostgresOptions): Promise<StoreServer> {
  return startOnPort(options.port, {
    spawn: (port) => spawnPostmaster(options, port),
    urlAt: (port) => postgresUrl(options.password, port),
    waitForAnswer: (part, url) => waitForAnswer(part, url, options),
  });
}

async function spawnPostmaster(options: PostgresOptions, port: number): Promise<RunningPart> {
  const user = unprivilegedUser();
  const { postgres } = await locatePostgresBinaries(user);
  const folder = realpathSync(options.folder);
  await endProcessesIn(folder);
  // The process that wrote this file is gone. Its number may now belong to another process, which Postgres would take
  // for a server.
  rmSync(join(folder, 'postmaster.pid'), { force: true });
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    ...options.settings,
  };
  return startPart({
    name: options.name ?? 'Postgres',
    command: postgres,
    args: [
      '-D',
      dataFolderArgument(folder, user),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    cwd: folder,
    logFile: options.logFile,
    onSpawned: options.onSpawned,
    as: user,
    // Fast shutdown: ends sessions, writes a checkpoint.
    stopSignal: 'SIGINT',
  });
}

async function waitForAnswer(part: RunningPart, url: string, options: PostgresOptions): Promise<void> {
  let exit: string | undefined;
  part.exited.then((how) => {
    exit = `Cannot start ${part.name}: it ${describeExit(how)}${logHint(options.logFile)}`;
  });
  const started = performance.now();
  let told = false;
  await waitUntil(
    async () => {
      if (!told && performance.now() - started > 3_000) {
        told = true;
        options.onProgress?.(`${part.name} is starting, recovery after a crash takes a moment`);
      }
      await withPostgres(urlOfDatabase(url, 'postgres'), (client) => client.query('select 1'));
      return true;
    },
    {
      what: `${part.name} to answer`,
      deadlineMs: options.deadlineMs ?? 60_000,
      hopeless: () => exit,
      signal: options.signal,
    },
  );
}

async function ensureDatabase(url: string): Promise<void> {
  const ensure = async (client: pg.Client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${database}`);
  };
  // It copies a template, which takes a slow disk many seconds.
  await withPostgres(urlOfDatabase(url, 'postgres'), ensure, 60_000);
}

/** The address of a local server. */
export function postgresUrl(password: string, port: number): string {
  return `postgres://${postgresUser}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
}

/** The address of the same database for the app's own role, whose password is derived from the owner's. */
export function appRoleUrl(ownerUrl: string): string {
  const url = new URL(ownerUrl);
  url.password = createHash('sha256').update(`role of the app\n${url.password}`).digest('base64url');
  url.username = 'shop';
  return url.href;
}

/** The address of another database on the same server. */
export function urlOfDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}

/** Opens one connection for one piece of work. Each query has `timeoutMs`, 5 s by default. */
export async function withPostgres<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
  timeoutMs = 5_000,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    // A frozen server never answers the end of the session.
    await Promise.race([
      client.end().catch(() => {}),
      new Promise((resolve) => setTimeout(resolve, 500).unref()),
    ]);
  }
}
