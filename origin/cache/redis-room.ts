// Keeps room in Redis for journal and queue: fills stop once three fifths of its memory are used.
import type { Redis } from 'ioredis';

export interface RedisRoom {
  /** Looked up at most once a second; `maxmemory 0` has no bound. */
  forEntries(): Promise<boolean>;
}

const maxShare = 0.6;
const trustMs = 1_000;

export function createRedisRoom(redis: Pick<Redis, 'info'>): RedisRoom {
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let hasRoom = Promise.resolve(true);
  return {
    forEntries() {
      if (performance.now() - checkedAtMs > trustMs) {
        checkedAtMs = performance.now();
        hasRoom = measure(redis).catch(() => true);
      }
      return hasRoom;
    },
  };
}

async function measure(redis: Pick<Redis, 'info'>): Promise<boolean> {
  const info = await redis.info('memory');
  const used = Number(/used_memory:(\d+)/.exec(info)?.[1] ?? 0);
  const max = Number(/maxmemory:(\d+)/.exec(info)?.[1] ?? 0);
  return max === 0 || used < max * maxShare;
}
