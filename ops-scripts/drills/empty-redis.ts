// One server of Redis forgets everything; its replicas follow it, if it has any.
import { Redis } from 'ioredis';
import type { RegionPart } from './region.ts';

export async function emptyRedis({ url }: RegionPart): Promise<void> {
  const redis = new Redis(url, {
    connectTimeout: 2_000,
    commandTimeout: 5_000,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  try {
    await redis.flushall();
  } finally {
    redis.disconnect();
  }
}
