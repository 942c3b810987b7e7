// A shop for benchmarks: `npm start`'s own program in a folder of its own, on free ports, gone afterwards.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface BenchShop extends AsyncDisposable {
  url: string;
  originPid: number;
  databaseUrl: string;
}

export async function startBenchShop(env: NodeJS.ProcessEnv): Promise<BenchShop> {
  const folder = await mkdtemp(join(tmpdir(), 'myclothes-bench-'));
  const child = spawn(process.execPath, ['ops-scripts/local/start.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...env, DATA_DIR: folder, PORT: '0', WORKER_PORT: '0', RATE_LIMITS: 'off', LOG_LEVEL: 'warn' },
  });
  const url = await Promise.race([
    readyUrl(child.stdout),
    once(child, 'exit').then(() =>
      Promise.reject(new Error('Cannot start the shop to measure: see the lines above')),
    ),
  ]);
  const running = JSON.parse(await readFile(join(folder, 'running.json'), 'utf8')) as { databaseUrl: string };
  return {
    url,
    originPid: await pidOfListener(url),
    databaseUrl: running.databaseUrl,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function readyUrl(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const url = /^ready (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url.replace('localhost', '127.0.0.1');
  }
  return new Promise(() => undefined);
}

/** The origin says its process id where health is asked for. */
async function pidOfListener(url: string): Promise<number> {
  const { pid } = (await (await fetch(`${url}/livez`)).json()) as { pid: number };
  return pid;
}
