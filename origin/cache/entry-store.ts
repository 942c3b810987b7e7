// Keeps cache entries in Redis, and gives one origin the lease to fill a missing entry while the others wait.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Lineage, onlyLineage } from '../invalidation/lineage-watch.ts';
import type { RedisClient } from '../redis/connect.ts';
import type { RedisRoom } from '../redis/servers.ts';
import { type EncodedEntry, type FoundEntry, packEntry, unpackEntry } from './entry.ts';

/**
 * Entries in Redis. The holder of an entry's lease fills it and others wait, so that a miss cannot cause a stampede.
 */
export interface EntryStore {
  get(key: string): Promise<FoundEntry | undefined>;
  /** @returns the lease's token, which names the lineage; undefined where another reader is filling the entry */
  lease(key: string): Promise<string | undefined>;
  /** @returns whether it was stored; it is refused without the lease, and where Redis has no room */
  store(key: string, token: string, entry: EncodedEntry<Uint8Array>, ttlSeconds: number): Promise<boolean>;
  /** Gives the lease back where there is nothing to store, so that others do not wait in vain. */
  release(key: string, token: string): Promise<void>;
  /** Waits for the entry that the holder of the lease stores, for a second at most. */
  awaitEntry(key: string): Promise<FoundEntry | undefined>;
}

const leaseMs = 5_000;
const waitMs = 1_000;
const pollMs = 15;

/** @param lineage entries of one lineage of the database are not found under another */
export function createEntryStore(
  redis: RedisClient,
  room: RedisRoom,
  lineage: Pick<Lineage, 'known' | 'confirm'> = onlyLineage,
): EntryStore {
  const get = async (key: string) => {
    // An origin that starts while the primary is away learns the lineage from Redis.
    const mark = lineage.known() ?? (await lineage.confirm());
    if (mark === undefined) return undefined;
    const packed = await redis.getBuffer(entryKey(key, mark.keyPart));
    return packed === null ? undefined : { ...unpackEntry(packed), lineage: mark.value };
  };
  const release = async (key: string, token: string) => {
    await redis.releaseEntry(leaseKey(key, partOf(token)), token);
  };
  return {
    get,
    release,
    async lease(key) {
      const part = lineage.known()?.keyPart ?? '';
      const token = `${part}/${randomUUID()}`;
      return (await redis.set(leaseKey(key, part), token, 'PX', leaseMs, 'NX')) === 'OK' ? token : undefined;
    },
    async store(key, token, entry, ttlSeconds) {
      if (!(await room.isLeft())) {
        await release(key, token);
        return false;
      }
      const packed = packEntry(entry);
      const part = partOf(token);
      const keys = [entryKey(key, part), leaseKey(key, part)] as const;
      return (await redis.storeEntry(...keys, token, packed, ttlSeconds)) === 1;
    },
    async awaitEntry(key) {
      const deadline = performance.now() + waitMs;
      while (performance.now() < deadline) {
        await delay(pollMs);
        const entry = await get(key);
        if (entry !== undefined) return entry;
        if ((await redis.exists(leaseKey(key, lineage.known()?.keyPart ?? ''))) === 0) return get(key);
      }
      return undefined;
    },
  };
}

/** A fill belongs to the lineage in which its lease was taken. */
function partOf(token: string): string {
  return token.slice(0, token.indexOf('/'));
}

/** Deletes an entry before its time. A fill that is running may store it again. */
export async function forgetEntry(
  redis: RedisClient,
  lineage: Pick<Lineage, 'known'>,
  key: string,
): Promise<void> {
  await redis.del(entryKey(key, lineage.known()?.keyPart ?? ''));
}

/** Only the key is in braces, so that entry and lease share one slot of a cluster. */
function entryKey(key: string, part: string): string {
  return part === '' ? `entry:{${key}}` : `entry:${part}:{${key}}`;
}

function leaseKey(key: string, part: string): string {
  return part === '' ? `entry-lease:{${key}}` : `entry-lease:${part}:{${key}}`;
}
