// Finds the Redis server that holds a key, to ask it directly: its answer is known to be its own, and WAIT reaches the
// server that took the write.
import calculateSlot from 'cluster-key-slot';
import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from './connect.ts';

/** All that take writes. */
export function primariesOf(redis: RedisClient): Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}

/**
 * The server that holds each key, with the items that it holds; under undefined those that no server of the cluster
 * holds just now.
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

/** Soon, and for all who ask at once; the keys' servers are otherwise looked up each second. */
export function askForTopology(redis: RedisClient): void {
  if (redis instanceof Cluster) redis.refreshSlotsCache(() => undefined);
}
