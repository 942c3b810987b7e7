// What can be done to a store by its own commands: Redis forgets everything, a replica goes on receiving and stops replaying.
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { RegionPart } from '../region.ts';

const commandMs = 5_000;

export async function emptyRedis({ url }: RegionPart): Promise<void> {
  const redis = new Redis(url, {
    connectTimeout: 2_000,
    commandTimeout: commandMs,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  try {
    await redis.flushall();
  } finally {
    redis.disconnect();
  }
}

/** For so long it answers with what it had at the beginning. */
export async function pauseReplay({ url }: RegionPart, ms: number): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: commandMs,
    query_timeout: commandMs,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('select pg_wal_replay_pause()');
    await delay(ms);
    await client.query('select pg_wal_replay_resume()');
  } finally {
    await client.end().catch(() => undefined);
  }
}
