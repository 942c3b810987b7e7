// Entries in Redis. The holder of an entry's lease fills it; others wait for it, so that a miss cannot cause a
// stampede.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { RedisClient } from '../redis/connect.ts';
import type { RedisRoom } from '../redis/servers.ts';
import { type EncodedEntry, packEntry, unpackEntry } from './entry.ts';

export interface EntryStore {
  get(key: string): Promise<EncodedEntry | undefined>;
  /** @returns the lease's token, or undefined where somebody else is filling. */
  lease(key: string): Promise<string | undefined>;
  /** @returns whether it was stored; a store without its lease is refused, and one for which Redis has no room. */
  store(
    key: string,
    token: string,
    tags: TagVersions,
    bytes: Uint8Array,
    ttlSeconds: number,
  ): Promise<boolean>;
  /** Where there is nothing to store: those who wait would do so in vain. */
  release(key: string, token: string): Promise<void>;
  /** Waits for what the holder of the lease stores, a second at most. */
  awaitEntry(key: string): Promise<EncodedEntry | undefined>;
}

const leaseMs = 5_000;
const waitMs = 1_000;
const pollMs = 15;

export function createEntryStore(redis: RedisClient, room: RedisRoom): EntryStore {
  const get = async (key: string) => {
    const packed = await redis.getBuffer(entryKey(key));
    return packed === null ? undefined : unpackEntry(packed);
  };
  const release = async (key: string, token: string) => {
    await redis.releaseEntry(leaseKey(key), token);
  };
  return {
    get,
    release,
    async lease(key) {
      const token = randomUUID();
      return (await redis.set(leaseKey(key), token, 'PX', leaseMs, 'NX')) === 'OK' ? token : undefined;
    },
    async store(key, token, tags, bytes, ttlSeconds) {
      if (!(await room.isLeft())) {
        await release(key, token);
        return false;
      }
      const packed = packEntry(tags, bytes);
      return (await redis.storeEntry(entryKey(key), leaseKey(key), token, packed, ttlSeconds)) === 1;
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
