// Empties one Redis server with FLUSHALL, at any moment.
import { Redis } from 'ioredis';
import type { DrillRegionPart } from './region.ts';

const heardMs = 1_000;

/** Returns when a replica has heard of it as well. */
export async function emptyRedis({ url }: Pick<DrillRegionPart, 'url'>): Promise<void> {
  const redis = new Redis(url, { connectTimeout: 2_000, commandTimeout: 5_000, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.flushall();
    await redis.wait(1, heardMs);
  } finally {
    redis.disconnect();
  }
}
