// Finds the Redis server that holds a key, so that its own answer is read and WAIT reaches it.
// Also tells whether Redis has room for cache entries and cart copies.
import calculateSlot from 'cluster-key-slot';
import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from './connect.ts';

/** Lists the servers that take writes. */
export function primariesOf(redis: RedisClient): Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}

/**
 * Groups items by the server that holds their key. Items that no server of the cluster holds at the moment are under
 * undefined.
 */
export function groupByPrimary<Item>(
  redis: RedisClient,
  items: Item[],
  keyOf: (item: Item) => string,
): Map<Redis | undefined, Item[]> {
  if (!(redis instanceof Cluster)) return new Map([[redis, items]]);
  const servers = new Map(redis.nodes('master').map((server) => [nameOf(server), server]));
  const groups = new Map<Redis | undefined, Item[]>();
  for (const item of items) {
    const server = servers.get(redis.slots[calculateSlot(keyOf(item))]?.[0] ?? '');
    const group = groups.get(server);
    if (group === undefined) groups.set(server, [item]);
    else group.push(item);
  }
  if (groups.has(undefined)) askForTopology(redis);
  return groups;
}

export function nameOf(server: Redis): string {
  return `${server.options.host}:${server.options.port}`;
}

/** Looks up which server holds which slots, once for concurrent callers. Otherwise this happens each second. */
export function askForTopology(redis: RedisClient): void {
  if (redis instanceof Cluster) redis.refreshSlotsCache(() => undefined);
}

/** Reserves memory in Redis for journal and queue: caches stop writing before Redis is full. */
export interface RedisRoom {
  /** Looked up at most once a second. `maxmemory 0` sets no limit. */
  isLeft(): Promise<boolean>;
}

/** Shares of `maxmemory`: entries of pages and lists stop first, then copies of carts. */
export const roomForEntries = 0.6;
export const roomForCopies = 0.75;
const trustMs = 1_000;

/** @param share the share of `maxmemory` that may be in use */
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
