// Entries in Redis, one lease each against stampedes. Who holds the lease fills; the others wait for the entry to appear.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Fresh } from './fenced-cache.ts';

export interface EntryStore {
  get(key: string): Promise<Fresh<unknown> | undefined>;
  /** @returns the lease's token, or undefined where somebody else is filling. */
  lease(key: string): Promise<string | undefined>;
  /** @returns whether it was stored; a store without its lease is refused. */
  store(key: string, token: string, json: string, ttlSeconds: number): Promise<boolean>;
  /** Waits for what the holder of the lease stores, a second at most. */
  awaitEntry(key: string): Promise<Fresh<unknown> | undefined>;
}

const leaseMs = 5_000;
const waitMs = 1_000;
const pollMs = 15;

export function createEntryStore(redis: Redis): EntryStore {
  const get = async (key: string) => {
    const json = await redis.get(entryKey(key));
    return json === null ? undefined : (JSON.parse(json) as Fresh<unknown>);
  };
  return {
    get,
    async lease(key) {
      const token = randomUUID();
      return (await redis.set(leaseKey(key), token, 'PX', leaseMs, 'NX')) === 'OK' ? token : undefined;
    },
    async store(key, token, json, ttlSeconds) {
      return (await redis.storeEntry(entryKey(key), leaseKey(key), token, json, ttlSeconds)) === 1;
    },
    async awaitEntry(key) {
      const deadline = performance.now() + waitMs;
      while (performance.now() < deadline) {
        await delay(pollMs);
        const entry = await get(key);
        if (entry !== undefined) return entry;
        if ((await redis.exists(leaseKey(key))) === 0) return get(key);
      }
      return undefined;
    },
  };
}

function entryKey(key: string): string {
  return `entry:{${key}}`;
}

function leaseKey(key: string): string {
  return `entry-lease:{${key}}`;
}
