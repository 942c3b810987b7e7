// The shop on which `shop-life` runs, and a whole region as such a shop.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { startRegion } from '../../region.ts';

/** The parts that a life can restart. */
export type PartName = 'origin' | 'worker' | 'redis' | 'postgres';

export interface LivingShop extends AsyncDisposable {
  url: string;
  /** The address of an edge before the shop. */
  edgeUrl?: string;
  databaseUrl: string;
  redisUrl: string;
  staff: { email: string; password: string };
  /** Where origin and worker write their logs. */
  logFolder: string;
  /** A folder of the drill's own, removed with the shop. */
  folder: string;
  parts: PartName[];
  /** Ends that part, which its supervisor starts again. Returns when the whole shop serves. */
  restart(part: PartName, signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** For commands such as `ops`. */
  environment: NodeJS.ProcessEnv;
}

const connectMs = 3_000;
const queryMs = 20_000;
/** Longer than a server takes to restart. */
const patienceMs = 40_000;
const againMs = 250;

/**
 * Queries Postgres directly, on a connection for this query, because an open connection would not outlive a restart.
 * Repeats while no connection is possible.
 */
export async function askPostgres<Row extends pg.QueryResultRow>(
  { databaseUrl }: Pick<LivingShop, 'databaseUrl'>,
  query: string,
  values: unknown[] = [],
): Promise<Row[]> {
  for (const until = performance.now() + patienceMs; ; await delay(againMs)) {
    const client = await connect(databaseUrl);
    try {
      return (await client.query<Row>(query, values)).rows;
    } catch (error) {
      // Postgres was restarted meanwhile.
      const isCutOff = error instanceof Error && /terminat|starting up|shutting down/i.test(error.message);
      if (!isCutOff || performance.now() > until) throw error;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  for (const until = performance.now() + patienceMs; ; await delay(againMs)) {
    const client = new pg.Client({
      connectionString,
      connectionTimeoutMillis: connectMs,
      query_timeout: queryMs,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      if (performance.now() > until) throw error;
    }
  }
}

const kindOf: Record<PartName, string> = {
  origin: 'origin',
  worker: 'worker',
  redis: 'redis-primary',
  postgres: 'postgres-primary',
};

/**
 * Starts a whole region for the drill: shoppers use the balancer, and a killed store fails over.
 * @throws if it cannot start, with nothing left running
 */
export async function startRegionShop(outside: Record<string, string>): Promise<LivingShop> {
  const region = await startRegion({ ...process.env, ...outside }, { state: 'server' });
  const running = JSON.parse(readFileSync(join(region.folder, 'region', 'running.json'), 'utf8')) as {
    databaseUrl: string;
    redisUrl: string;
  };
  return {
    url: region.storefront,
    edgeUrl: region.edge,
    databaseUrl: running.databaseUrl,
    redisUrl: running.redisUrl,
    staff: region.staff,
    logFolder: join(region.folder, 'region', 'parts', 'logs'),
    folder: region.folder,
    parts: ['origin', 'worker', 'redis', 'postgres'],
    environment: { ...process.env, DATABASE_URL: running.databaseUrl, REDIS_URL: running.redisUrl },
    async restart(part, signal) {
      await region.refresh();
      // With SIGTERM, Postgres would wait until the last client has gone.
      const stop = part === 'postgres' && signal === 'SIGTERM' ? 'SIGINT' : signal;
      region.signal(region.ofKind(kindOf[part]), stop);
      await region.rebuilt();
      await region.healed();
    },
    [Symbol.asyncDispose]: () => region[Symbol.asyncDispose](),
  };
}
