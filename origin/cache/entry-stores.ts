// Keeps cache entries: in Redis, with a lease for each missing entry, and in this process's memory, bounded in bytes.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { Floors } from '../invalidation/floors.ts';
import { isSameLineage, type Lineage, onlyLineage } from '../invalidation/lineage-watch.ts';
import type { RedisClient } from '../redis/connect.ts';
import type { RedisRoom } from '../redis/servers.ts';
import { type EncodedEntry, type FoundEntry, type LoadedEntry, packEntry, unpackEntry } from './entry.ts';

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

/**
 * An entry in memory is served only if its floors were checked less than so many milliseconds ago. The invalidation
 * job waits twice as long after it has raised the floors, so that no memory still trusts an older check.
 */
export const trustedMs = 25;

export interface Memory {
  /** Returns what may be served now. */
  recall(key: string): LoadedEntry | undefined;
  /**
   * Returns what may be served after reading its floors again; concurrent callers of a key share one check.
   * @returns undefined where nothing is kept, or where it is below a floor. @throws where Redis does not answer
   */
  recheck(key: string): Promise<LoadedEntry | undefined>;
  /**
   * Checks the floors of all these entries at once. If all are at or above, their `asOf` moves forward.
   * @throws where Redis does not answer
   */
  recheckAll(keys: string[]): Promise<void>;
  /**
   * Reads the clock at the time of serving. A process that was paused since its last check sees that the check is
   * old.
   */
  isTrusted(entry: LoadedEntry): boolean;
  keep(key: string, entry: LoadedEntry): void;
  /** Returns what is kept, trusted or not. */
  peek(key: string): LoadedEntry | undefined;
}

interface MemoryOptions {
  floors: Floors;
  maxBytes: number;
  clock: () => number;
  /** Milliseconds since 1970. */
  now?: (() => number) | undefined;
  lineage?: Pick<Lineage, 'known'> | undefined;
}

export function createMemory({
  floors,
  maxBytes,
  clock,
  now = Date.now,
  lineage = onlyLineage,
}: MemoryOptions): Memory {
  const kept = new LRUCache<string, LoadedEntry>({
    maxSize: maxBytes,
    sizeCalculation: (entry, key) => entry.bytes + key.length,
  });
  /** Running checks, by the entry that they check. */
  const asked = new Map<LoadedEntry, Promise<boolean>>();
  const isOver = ({ until }: LoadedEntry) => until !== undefined && now() >= until;
  const isTrusted = (entry: LoadedEntry) => clock() - entry.asOf < trustedMs && !isOver(entry);
  const isPresent = (entry: LoadedEntry) => isSameLineage(entry.lineage, lineage.known());

  const check = async (entries: LoadedEntry[]): Promise<boolean> => {
    const asOf = clock();
    if ((await floors.check(lowestTags(entries))) !== 'above') return false;
    // The floors are of the present lineage. They say nothing about rows of another one.
    if (!entries.every(isPresent)) return false;
    for (const entry of entries) entry.asOf = Math.max(entry.asOf, asOf);
    return true;
  };
  /** Others who ask about one of these entries meanwhile share the answer. */
  const ask = (entries: LoadedEntry[]): Promise<boolean> => {
    const answer = check(entries).finally(() => {
      for (const entry of entries) asked.delete(entry);
    });
    for (const entry of entries) asked.set(entry, answer);
    return answer;
  };

  return {
    recall(key) {
      const entry = kept.get(key);
      return entry !== undefined && isTrusted(entry) ? entry : undefined;
    },
    async recheck(key) {
      const entry = kept.get(key);
      if (entry === undefined || isOver(entry)) return undefined;
      return (await (asked.get(entry) ?? ask([entry]))) ? entry : undefined;
    },
    async recheckAll(keys) {
      const entries = keys
        .map((key) => kept.get(key))
        .filter((entry) => entry !== undefined)
        .filter((entry) => !isOver(entry));
      if (entries.length === 0) return;
      const answers = new Set(entries.map((entry) => asked.get(entry)));
      const others = entries.filter((entry) => !asked.has(entry));
      if (others.length > 0) answers.add(ask(others));
      await Promise.all(answers);
    },
    isTrusted,
    keep: (key, entry) => kept.set(key, entry.outcome === 'hit' ? entry : { ...entry, outcome: 'hit' }),
    peek(key) {
      const entry = kept.get(key);
      return entry !== undefined && isPresent(entry) ? entry : undefined;
    },
  };
}

function lowestTags(entries: LoadedEntry[]): TagVersions {
  if (entries.length === 1) return entries[0]!.tags;
  const lowest: TagVersions = {};
  for (const { tags } of entries) {
    for (const tag in tags) lowest[tag] = Math.min(lowest[tag] ?? Number.POSITIVE_INFINITY, tags[tag]!);
  }
  return lowest;
}
