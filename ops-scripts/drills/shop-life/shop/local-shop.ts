// Starts `npm start` for drills, on free ports and in a temporary folder; for a life, with an edge before it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../../../local/ports.ts';
import { waitUntil } from '../../../local/wait-until.ts';
import { askPostgres, type LivingShop, type PartName } from './living-shop.ts';

const startMs = 240_000;
const restartMs = 60_000;

/** Identifies the processes by their command, as `ps` shows it. */
const commandOf: Record<PartName, RegExp> = {
  origin: /origin\/main\.ts/,
  worker: /worker\/main\.ts/,
  redis: /redis-server|valkey-server/,
  postgres: /bin\/postgres\b|postgres -D/,
};

export interface LocalShop extends LivingShop {
  /** Kills every process at once and removes the data folder, as if the machine and its disk were lost. */
  lose(): Promise<void>;
}

/**
 * @param outside settings of servers outside of the shop, such as mail and payments, and those that survive its machine
 * @throws if it cannot start, with nothing left running
 */
export async function startLocalShop(
  outside: Record<string, string>,
  stopping: AbortSignal,
): Promise<LocalShop> {
  const folder = await mkdtemp(join(tmpdir(), 'life-'));
  const staff = { email: 'staff@myclothes.test', password: randomBytes(12).toString('base64url') };
  const environment = {
    ...process.env,
    DATA_DIR: folder,
    PORT: '0',
    WORKER_PORT: '0',
    ...outside,
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'warn',
    STAFF_EMAIL: staff.email,
    STAFF_PASSWORD: staff.password,
    // With this variable it watches its parent, and ends by itself when this process is killed.
    npm_lifecycle_event: 'drill',
  };
  const child = spawn(process.execPath, ['ops-scripts/local/start.ts'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Detached, so that Ctrl-C does not end it before the drill has ended.
    detached: true,
    env: environment,
  });
  const said: string[] = [];
  const endAnyway = () => child.kill('SIGTERM');
  process.once('exit', endAnyway);
  const end = async () => {
    process.off('exit', endAnyway);
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const url = await waitForReady(child, said, stopping).catch(async (error) => {
    await end();
    throw error;
  });
  const running = readRunning(folder);
  const shop: LocalShop = {
    url,
    databaseUrl: running.databaseUrl,
    redisUrl: running.redisUrl,
    staff,
    logFolder: join(folder, 'logs'),
    folder,
    parts: ['origin', 'worker', 'redis', 'postgres'],
    environment: { ...environment, DATABASE_URL: running.databaseUrl, REDIS_URL: running.redisUrl },
    async restart(part, signal) {
      const pid = findPid(folder, part);
      // With SIGTERM, Postgres would wait until the last client has gone.
      process.kill(pid, part === 'postgres' && signal === 'SIGTERM' ? 'SIGINT' : signal);
      await waitUntil(() => isAnother(findPidOrNone(folder, part), pid), {
        what: `${part} to be started again`,
        deadlineMs: restartMs,
        everyMs: 100,
      });
      await waitUntil(() => serves(shop, running.workerUrl), {
        what: 'the shop to serve',
        deadlineMs: restartMs,
        everyMs: 100,
      });
    },
    async lose() {
      const { pid, parts } = readRunning(folder);
      // The process that would restart the others is killed first.
      for (const each of [pid, ...parts.map((part) => Number(part.split('@')[0]))]) killNow(each);
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true, maxRetries: 20 });
    },
    [Symbol.asyncDispose]: end,
  };
  return shop;
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

async function waitForReady(child: ChildProcess, said: string[], stopping: AbortSignal): Promise<string> {
  createInterface({ input: child.stderr! }).on('line', (line) => said.push(line));
  const ready = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line.startsWith('ready ')) resolve(line.slice('ready '.length));
    });
  });
  const ended = once(child, 'exit').then(() => undefined);
  const late = delay(startMs, undefined, { ref: false, signal: stopping }).catch(() => undefined);
  const url = await Promise.race([ready, ended, late]);
  if (url === undefined) throw new Error(`Cannot start the shop: ${said.slice(-5).join(' ')}`);
  return url;
}

interface Running {
  pid: number;
  databaseUrl: string;
  redisUrl: string;
  workerUrl: string;
  parts: string[];
}

function readRunning(folder: string): Running {
  return JSON.parse(readFileSync(join(folder, 'running.json'), 'utf8')) as Running;
}

function findPid(folder: string, part: PartName): number {
  const pid = findPidOrNone(folder, part);
  if (pid === undefined) throw new Error(`Cannot find the process of ${part}`);
  return pid;
}

function findPidOrNone(folder: string, part: PartName): number | undefined {
  const pids = readRunning(folder).parts.map((entry) => Number(entry.split('@')[0]));
  if (pids.length === 0) return undefined;
  try {
    const table = execFileSync('ps', ['-o', 'pid=,args=', '-p', pids.join(',')], { encoding: 'utf8' });
    const line = table.split('\n').find((entry) => commandOf[part].test(entry));
    return line === undefined ? undefined : Number(line.trim().split(/\s+/)[0]);
  } catch {
    // `ps` fails if none of them runs.
    return undefined;
  }
}

function isAnother(pid: number | undefined, before: number): boolean {
  return pid !== undefined && pid !== before;
}

async function serves(shop: LivingShop, workerUrl: string): Promise<boolean> {
  const answers = async (url: string) => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await answer.arrayBuffer();
    return answer.ok;
  };
  await askPostgres(shop, 'select 1');
  return (
    (await answers(`${shop.url}/readyz`)) &&
    (await answers(`${workerUrl}/readyz`)) &&
    (await answers(`${shop.url}/api/cart`))
  );
}

const purgeKey = 'a-key-between-worker-and-edge-of-a-life';
const edgeStartMs = 30_000;

/**
 * The shop of a life for distant shoppers: the parts that `npm start` runs, with an edge before them.
 * @throws if it cannot start, with nothing left running
 */
export async function startLifeShop(
  outside: Record<string, string>,
  stopping: AbortSignal,
): Promise<LivingShop> {
  await using standing = new AsyncDisposableStack();
  const port = await findFreePort();
  const edgeUrl = `http://127.0.0.1:${port}`;
  const settings = { EDGE_URLS: edgeUrl, EDGE_PURGE_KEY: purgeKey };
  const shop = standing.use(await startLocalShop({ ...outside, ...settings }, stopping));
  const log = openSync(join(shop.logFolder, 'edge.log'), 'a');
  const edge = spawn(process.execPath, ['edge/main.ts'], {
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      EDGE_PORT: String(port),
      EDGE_PURGE_KEY: purgeKey,
      ORIGIN_URL: shop.url,
      METRICS_PORT: '',
    },
  });
  standing.defer(async () => {
    edge.kill('SIGTERM');
    if (edge.exitCode === null && edge.signalCode === null) await once(edge, 'exit');
  });
  await waitUntil(async () => (await fetch(`${edgeUrl}/.edge/livez`)).ok, {
    what: 'the edge to answer',
    deadlineMs: edgeStartMs,
    everyMs: 100,
  });
  const { url, databaseUrl, redisUrl, staff, logFolder, folder, parts, environment } = shop;
  const stack = standing.move();
  return {
    ...{ url, edgeUrl, databaseUrl, redisUrl, staff, logFolder, folder, parts, environment },
    restart: (part, signal) => shop.restart(part, signal),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
