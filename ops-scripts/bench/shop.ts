// Starts a shop for benchmarks: `npm start` and an edge, in a temporary folder, on free ports.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../local/ports.ts';

export interface BenchShop extends AsyncDisposable {
  url: string;
  originPid: number;
  edgeUrl: string;
  edgePid: number;
  edgePurgeKey: string;
  /** The address of the origin's OpenMetrics. */
  metricsUrl: string;
  databaseUrl: string;
  staff: { email: string; password: string };
}

const purgeKey = 'a-key-between-worker-and-edge-of-benchmarks';

export async function startBenchShop(env: NodeJS.ProcessEnv): Promise<BenchShop> {
  await using standing = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'myclothes-bench-'));
  standing.defer(() => rm(folder, { recursive: true, force: true }));
  const [edgePort, metricsPort] = [await findFreePort(), await findFreePort()];
  const edgeUrl = `http://127.0.0.1:${edgePort}`;
  const shop = startNode(standing, 'ops-scripts/local/start.ts', {
    ...env,
    DATA_DIR: folder,
    PORT: '0',
    WORKER_PORT: '0',
    METRICS_PORT: String(metricsPort),
    EDGE_URLS: edgeUrl,
    EDGE_PURGE_KEY: purgeKey,
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'warn',
  });
  const url = await Promise.race([readyUrl(shop.stdout!), failsToStart(shop)]);
  const edge = startNode(standing, 'edge/main.ts', {
    ...env,
    ORIGIN_URL: url,
    EDGE_PORT: String(edgePort),
    EDGE_PURGE_KEY: purgeKey,
    METRICS_PORT: '',
  });
  await Promise.race([untilAnswered(`${edgeUrl}/.edge/livez`), failsToStart(edge)]);
  const running = await readJson<{ databaseUrl: string }>(join(folder, 'running.json'));
  const secrets = await readJson<{ staffPassword: string }>(join(folder, 'secrets.json'));
  const originPid = await pidOfListener(url);
  const stack = standing.move();
  return {
    url,
    originPid,
    edgeUrl,
    edgePid: edge.pid!,
    edgePurgeKey: purgeKey,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    databaseUrl: running.databaseUrl,
    staff: {
      email: env['STAFF_EMAIL'] || 'staff@myclothes.test',
      password: env['STAFF_PASSWORD'] || secrets.staffPassword,
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function startNode(
  standing: AsyncDisposableStack,
  entry: string,
  env: Record<string, string | undefined>,
): ChildProcess {
  const child = spawn(process.execPath, [entry], { stdio: ['ignore', 'pipe', 'inherit'], env });
  standing.defer(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  return child;
}

async function failsToStart(child: ChildProcess): Promise<never> {
  await once(child, 'exit');
  throw new Error('Cannot start the shop to measure: see the lines above');
}

async function readyUrl(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const url = /^ready (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url.replace('localhost', '127.0.0.1');
  }
  return new Promise(() => undefined);
}

async function untilAnswered(url: string): Promise<void> {
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await delay(50);
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

/** The origin's process id, which its health check contains. */
async function pidOfListener(url: string): Promise<number> {
  const { pid } = (await (await fetch(`${url}/livez`)).json()) as { pid: number };
  return pid;
}
