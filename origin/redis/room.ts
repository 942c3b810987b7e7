// Reserves memory in Redis for journal and queue: caches stop writing before Redis is full.
import type { RedisClient } from './connect.ts';
import { primariesOf } from './servers.ts';

export interface RedisRoom {
  /** Looked up at most once a second; `maxmemory 0` has no bound. */
  isLeft(): Promise<boolean>;
}

/** Of `maxmemory`: pages and lists stop first, copies of carts after them. */
export const roomForEntries = 0.6;
export const roomForCopies = 0.75;
const trustMs = 1_000;

/** @param share of `maxmemory` that may be in use */
export function createRedisRoom(redis: RedisClient, share: number): RedisRoom {
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let isLeft: Promise<boolean> = Promise.resolve(true);
  return {
    isLeft() {
      if (performance.now() - checkedAtMs > trustMs) {
        checkedAtMs = performance.now();
        isLeft = measure(redis, share).catch(() => true);
      }
      return isLeft;
    },
  };
}

/** In a cluster the fullest server decides. */
async function measure(redis: RedisClient, share: number): Promise<boolean> {
  const infos = await Promise.all(primariesOf(redis).map((server) => server.info('memory')));
  return infos.every((info) => {
    const used = Number(/used_memory:(\d+)/.exec(info)?.[1] ?? 0);
    const max = Number(/maxmemory:(\d+)/.exec(info)?.[1] ?? 0);
    return max === 0 || used < max * share;
  });
}
