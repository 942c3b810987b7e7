// Connects an operator's command to the stores of the environment, or of the shop that runs from DATA_DIR.
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { sql } from 'kysely';
import { asSeeds } from '../origin/config.ts';
import { createDatabase, createPool } from '../origin/postgres/database.ts';
import { connectRedis, type RedisClient } from '../origin/redis/connect.ts';
import type { Db } from '../origin/schema.ts';
import { describeStoreFault, placeOf, storeFaultReason } from '../origin/watch-stores.ts';
import { findRunning } from './local/processes.ts';

type Environment = Record<string, string | undefined>;

/** The message is one sentence; exit code 1. */
export class StoreUnreachable extends Error {}

export interface OpenDatabase extends AsyncDisposable {
  db: Db;
}

/** The database for the role that owns the tables: from the settings, or of the shop that runs on DATA_DIR. */
export function databaseUrlOf(env: Environment): string | undefined {
  return env['MIGRATION_DATABASE_URL'] || env['DATABASE_URL'] || runningShop(env)?.databaseUrl;
}

/** The database for the role of origins and workers; undefined if that is the owner. */
export function appDatabaseUrlOf(env: Environment): string | undefined {
  return env['DATABASE_URL'] || runningShop(env)?.appDatabaseUrl;
}

/** @throws StoreUnreachable with host and port, never a secret */
export async function openDatabase(env: Environment, queryTimeoutMs = 30_000): Promise<OpenDatabase> {
  const url = databaseUrlOf(env);
  if (!url) throw new StoreUnreachable(nowhere('DATABASE_URL'));
  if (!URL.canParse(url))
    throw new StoreUnreachable(noAddress('DATABASE_URL', 'postgres://user:password@host:5432/myclothes'));
  const pool = createPool({ url, name: 'ops', max: 4, connectTimeoutMs: 3_000, queryTimeoutMs });
  const db = createDatabase(pool);
  try {
    // This query goes through Kysely, which only ends a pool that it has used. An open pool would keep the command
    // alive for half a minute.
    await sql`select 1`.execute(db);
  } catch (cause) {
    await db.destroy();
    throw new StoreUnreachable(describeStoreFault('Postgres', url, 5432, cause), { cause });
  }
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

/** @throws StoreUnreachable with host and port, never a secret */
export async function openRedis(env: Environment): Promise<RedisClient> {
  const given = (env['REDIS_URL'] || runningShop(env)?.redisUrl)?.split(',').map((url) => url.trim());
  const urls = given && asSeeds(given, env['REDIS_CLUSTER']);
  if (urls === undefined) throw new StoreUnreachable(nowhere('REDIS_URL'));
  if (!urls.every((url) => URL.canParse(url)))
    throw new StoreUnreachable(noAddress('REDIS_URL', 'redis://:password@host:6379'));
  return urls.length > 1 ? openCluster(urls) : openServer(urls[0]!);
}

/** The message leaves the value out, because it may contain a password. */
function noAddress(name: string, example: string): string {
  return `${name} is no address; one looks like ${example}`;
}

async function openCluster(urls: string[]): Promise<RedisClient> {
  let fault: Error | undefined;
  const onError = (error: Error) => {
    fault = error;
  };
  const cluster = connectRedis({ urls, name: 'ops', commandTimeoutMs: 5_000, onError });
  try {
    await once(cluster, 'ready', { signal: AbortSignal.timeout(3_000) });
  } catch (error) {
    const cause = fault ?? error;
    cluster.disconnect();
    const places = urls.map((url) => placeOf(url, 6379)).join(', ');
    throw new StoreUnreachable(`Cannot reach a cluster of Redis at ${places}: ${storeFaultReason(cause)}`, {
      cause,
    });
  }
  return cluster;
}

async function openServer(url: string): Promise<Redis> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 3_000,
    commandTimeout: 5_000,
    // BullMQ requires null. The commands' own deadline limits the wait.
    maxRetriesPerRequest: null,
    retryStrategy: () => null,
  });
  // A refused password arrives as an event. The command's own error only says that the connection is closed.
  let fault: Error | undefined;
  redis.on('error', (error) => {
    fault = error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    const cause = fault ?? error;
    redis.disconnect();
    throw new StoreUnreachable(describeStoreFault('Redis', url, 6379, cause), { cause });
  }
  return redis;
}

function runningShop(env: Environment) {
  return findRunning(env['DATA_DIR'] || '.data');
}

function nowhere(setting: string): string {
  return `Cannot find the shop's stores: set ${setting}, or start the shop with 'npm start' (DATA_DIR says where its data lies)`;
}
