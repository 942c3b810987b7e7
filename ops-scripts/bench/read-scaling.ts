// Measures the share of browsing that reaches the primary with 0, 1 and 2 replicas.
// This is the benchmark `read-scaling`. It runs once with warm caches and once without Redis.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNodePart } from '../local/node-part.ts';
import type { StoreServer } from '../local/part.ts';
import { findFreePort } from '../local/ports.ts';
import { prepareDatabase } from '../local/prepare-database.ts';
import { startRedisServer } from '../local/redis.ts';
import { type ReplicatedPostgres, startReplicatedPostgres } from '../region/replicated-postgres.ts';
import { listProducts } from '../traffic/read-catalog.ts';
import { runLoad, type VisitStep } from '../traffic/run-load.ts';
import { type BenchResult, readReads } from './measure.ts';

const connections = 16;
const seconds = 8;
const password = 'a-password-of-benchmarks';

interface Browsed {
  replicas: number;
  requests: number;
  refused: number;
  /** Reads from Postgres, by the server that answered. */
  reads: Record<string, number>;
  /** Reads by the primary for each request. */
  primaryShare: number;
}

export async function benchReadScaling(): Promise<BenchResult[]> {
  await using postgres = await startReplicatedPostgres({ replicas: 2 });
  await prepareDatabase({ databaseUrl: postgres.primary.url }, new AbortController().signal);
  for (const replica of postgres.replicas) await postgres.caughtUp(replica);
  const warm: Browsed[] = [];
  const withoutRedis: Browsed[] = [];
  for (const replicas of [0, 1, 2]) {
    await using shop = await startOrigin(postgres, replicas);
    const steps = await browsing(shop.url);
    await runLoad({ url: shop.url, connections, seconds: 2, steps });
    warm.push(await browse(shop, replicas, steps));
    await shop.redis.stop();
    withoutRedis.push(await browse(shop, replicas, steps));
  }
  return [
    describe('read-scaling-warm', 'everything warm, 2 replicas', warm, 0.01),
    describe('read-scaling-without-redis', 'Redis lost, 2 replicas', withoutRedis, 0.1),
  ];
}

function describe(bench: string, when: string, all: Browsed[], allowed: number): BenchResult {
  const { primaryShare } = all.at(-1)!;
  return {
    bench,
    measured: `reads by the primary for each request of ${connections} browsing visitors; ${when}`,
    against: 'the share that the primary may have',
    ours: primaryShare,
    theirs: allowed,
    ratio: primaryShare / allowed,
    aim: 1,
    lessIsBetter: true,
    notes: all.map(({ replicas, requests, refused, reads }) => {
      const byServer = Object.entries(reads).map(([server, count]) => `${count} by ${server}`);
      return `${replicas} replicas: ${requests} requests, ${refused} refused; read from Postgres: ${byServer.join(', ')}`;
    }),
  };
}

interface BrowsedOrigin extends AsyncDisposable {
  url: string;
  metricsUrl: string;
  redis: StoreServer;
}

async function startOrigin(postgres: ReplicatedPostgres, replicas: number): Promise<BrowsedOrigin> {
  await using standing = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'myclothes-bench-'));
  standing.defer(() => rm(folder, { recursive: true, force: true }));
  const redis = await startRedisServer({
    folder: join(folder, 'redis'),
    password,
    logFile: join(folder, 'redis.log'),
    toolsFolder: join(folder, 'tools'),
  });
  standing.defer(() => redis.stop());
  const [port, metricsPort] = [await findFreePort(), await findFreePort()];
  const url = `http://127.0.0.1:${port}`;
  const origin = await startNodePart({
    name: 'origin',
    entry: 'origin/main.ts',
    env: {
      ...process.env,
      DATABASE_URL: postgres.primary.url,
      DATABASE_REPLICA_URLS: postgres.replicas
        .slice(0, replicas)
        .map((replica) => replica.url)
        .join(),
      REDIS_URL: redis.url,
      DATA_DIR: folder,
      PORT: String(port),
      METRICS_PORT: String(metricsPort),
      COOKIE_KEYS: 'a-key-of-benchmarks-that-signs-cookies',
      RATE_LIMITS: 'off',
      LOG_LEVEL: 'error',
    },
    logFile: join(folder, 'origin.log'),
    readyUrl: `${url}/readyz`,
  });
  standing.defer(() => origin.stop());
  const stack = standing.move();
  return {
    url,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    redis,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** The steps of a visitor: pages, lists and JSON. */
async function browsing(url: string): Promise<VisitStep[]> {
  const products = await listProducts(url, 100);
  const look = (path: string): VisitStep => ({ name: 'look', path, headers: { 'accept-encoding': 'br' } });
  return products.flatMap(({ slug, category }) => [
    look(`/p/${slug}`),
    look(`/c/${category}`),
    look(`/api/products/${slug}`),
    look(`/api/products?category=${category}`),
  ]);
}

async function browse(shop: BrowsedOrigin, replicas: number, steps: VisitStep[]): Promise<Browsed> {
  const before = await readReads(shop.metricsUrl);
  const { requests, refused, failed } = await runLoad({ url: shop.url, connections, seconds, steps });
  const after = await readReads(shop.metricsUrl);
  const reads = Object.fromEntries(
    Object.entries(after).map(([source, count]) => [source, count - (before[source] ?? 0)]),
  );
  return {
    replicas,
    requests,
    refused: refused + failed,
    reads,
    primaryShare: reads['primary']! / requests,
  };
}
