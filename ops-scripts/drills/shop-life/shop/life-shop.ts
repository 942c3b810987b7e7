// The shop of a life for distant shoppers: the parts that `npm start` runs, with an edge before them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort } from '../../../local/ports.ts';
import { waitUntil } from '../../../local/wait-until.ts';
import type { LivingShop } from './living-shop.ts';
import { startLocalShop } from './local-shop.ts';

const purgeKey = 'a-key-between-worker-and-edge-of-a-life';
const startMs = 30_000;

/** @throws if it cannot start, with nothing left running */
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
    deadlineMs: startMs,
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
