// Empties one Redis server with FLUSHALL at a moment when no cart journal waits in it.
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { DrillRegionPart } from './region.ts';

type Place = Pick<DrillRegionPart, 'url'>;

export function emptyRedis({ url }: Place): Promise<void> {
  return withServer(url, async (redis) => void (await redis.flushall()));
}

/**
 * A bucket of carts names those that have a journal in `{carts-<n>}:journals`, which is there only while it names
 * one.
 */
const emptyWithoutJournals = `
if #redis.call('keys', '{carts-*}:journals') > 0 then return 0 end
redis.call('flushall')
return 1`;

const patienceMs = 60_000;

/**
 * At a moment when no journal of a cart waits in it. A slow Postgres may send a write there at any time, and to lose
 * it then would be the
 * double fault, not a single one. Returns when a replica has heard of it as well.
 * @throws where journals go on to wait.
 */
export function emptyRedisBetweenJournals({ url }: Place): Promise<void> {
  return withServer(url, async (redis) => {
    const until = performance.now() + patienceMs;
    while ((await redis.eval(emptyWithoutJournals, 0)) !== 1) {
      if (performance.now() > until)
        throw new Error('Cannot empty Redis as journals of carts are never drained');
      await delay(20);
    }
    await redis.wait(1, 1_000);
  });
}

async function withServer(url: string, work: (redis: Redis) => Promise<void>): Promise<void> {
  const redis = new Redis(url, {
    connectTimeout: 2_000,
    commandTimeout: 5_000,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  try {
    await work(redis);
  } finally {
    redis.disconnect();
  }
}
