// Keeps room in Redis for journal and queue: no more copies once three quarters of its memory are used.
import type { RedisClient } from '../../redis/connect.ts';
import { primariesOf } from '../../redis/servers.ts';

export interface RedisRoom {
  /** Looked up at most once a second; `maxmemory 0` has no bound. */
  forCopies(): Promise<boolean>;
}

const maxShare = 0.75;
const trustMs = 1_000;

export function createRedisRoom(redis: RedisClient): RedisRoom {
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let hasRoom: Promise<boolean> = Promise.resolve(true);
  return {
    forCopies() {
      if (performance.now() - checkedAtMs > trustMs) {
        checkedAtMs = performance.now();
        hasRoom = measure(redis).catch(() => true);
      }
      return hasRoom;
    },
  };
}

/** In a cluster the fullest server decides. */
async function measure(redis: RedisClient): Promise<boolean> {
  const infos = await Promise.all(primariesOf(redis).map((server) => server.info('memory')));
  return infos.every((info) => {
    const used = Number(/used_memory:(\d+)/.exec(info)?.[1] ?? 0);
    const max = Number(/maxmemory:(\d+)/.exec(info)?.[1] ?? 0);
    return max === 0 || used < max * maxShare;
  });
}
