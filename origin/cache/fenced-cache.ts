// A read-through cache that cannot serve what has been invalidated: every entry bears tags with versions, every tag has a floor,
// and an entry is stored or served only if each of its tags is at or above its floor.
import { LRUCache } from 'lru-cache';
import type { TagVersions } from '../outbox/events.ts';
import type { Db, DbOrTx } from '../postgres/database.ts';
import type { EntryStore } from './entry-store.ts';
import type { Floors } from './floors.ts';

export interface Fresh<T> {
  value: T;
  /** Every row that the value was made from, at the version read. */
  tags: TagVersions;
}

export interface ReadRequest<T> {
  /** Names the entry; also what concurrent misses are gathered by. */
  key: string;
  /** Makes the value. Must read every row through the `db` that it is given. JSON-serialisable. */
  fill: (db: DbOrTx) => Promise<Fresh<T>>;
  /** At most 24 h; default one hour. */
  ttlSeconds?: number;
  /** False: never kept in this process's memory (sessions). */
  l1?: boolean;
}

export type CacheOutcome = 'hit' | 'miss' | 'bypass';

export interface ReadResult<T> extends Fresh<T> {
  /** `bypass`: the floors could not be read, so the value came from Postgres and was not stored. */
  outcome: CacheOutcome;
}

export interface FencedCache {
  read<T>(request: ReadRequest<T>): Promise<ReadResult<T>>;
  /** The newest entry known, past its time and below its floor too: only for names and prices of cart lines while Postgres is away. */
  readStale<T>(key: string): Promise<Fresh<T> | undefined>;
}

export interface FencedCacheOptions {
  db: Db;
  floors: Floors;
  entries: EntryStore;
  /** Bytes of this process's memory for entries. */
  l1Bytes: number;
  /** Monotonic milliseconds; it must go on while the process is paused. */
  clock?: () => number;
  onOutcome?: (outcome: CacheOutcome, key: string) => void;
}

/** A value, and the monotonic moment from which on it may have changed. */
interface Loaded extends ReadResult<unknown> {
  asOf: number;
  bytes: number;
}

/** `done` waits twice as long after it has raised the floors. */
export const trustedMs = 25;
const defaultTtlSeconds = 3_600;

export function createFencedCache(options: FencedCacheOptions): FencedCache {
  const clock = options.clock ?? (() => performance.now());
  const l1 = new LRUCache<string, Loaded>({
    maxSize: options.l1Bytes,
    sizeCalculation: (entry) => entry.bytes,
  });
  const loading = new Map<string, Promise<Loaded>>();

  /** One load a key at a time, whoever asks. */
  const load = (request: ReadRequest<unknown>): Promise<Loaded> => {
    const current = loading.get(request.key);
    if (current !== undefined) return current;
    const started = loadEntry(options, clock, request, l1.get(request.key)).finally(() =>
      loading.delete(request.key),
    );
    loading.set(request.key, started);
    return started;
  };

  const read = async (request: ReadRequest<unknown>): Promise<Loaded> => {
    const began = clock();
    // The clock is read here, at serving: a process that was paused since its last check sees that the check is old.
    const trusted = (asOf: number) => asOf >= began || clock() - asOf < trustedMs;
    const kept = l1.get(request.key);
    if (kept !== undefined && trusted(kept.asOf)) return kept;
    for (let attempt = 0; attempt < 3; attempt++) {
      const loaded = await load(request);
      if (request.l1 !== false && loaded.outcome !== 'bypass')
        l1.set(request.key, { ...loaded, outcome: 'hit' });
      if (trusted(loaded.asOf)) return loaded;
    }
    return fillFromPrimary(options.db, clock, request);
  };

  return {
    async read<T>(request: ReadRequest<T>) {
      const loaded = await read(request as ReadRequest<unknown>);
      options.onOutcome?.(loaded.outcome, request.key);
      return loaded as ReadResult<T>;
    },
    async readStale<T>(key: string) {
      const kept = l1.get(key) ?? (await options.entries.get(key).catch(() => undefined));
      return kept as Fresh<T> | undefined;
    },
  };
}

async function loadEntry(
  options: FencedCacheOptions,
  clock: () => number,
  request: ReadRequest<unknown>,
  kept: Loaded | undefined,
): Promise<Loaded> {
  try {
    return (
      (kept && (await recheck(options.floors, clock, kept))) ??
      (await readStored(options, clock, request.key)) ??
      (await fillAndStore(options, clock, request))
    );
  } catch (error) {
    if (error instanceof FillError) throw error.cause;
    // Redis is away: slower, not wrong.
    return fillFromPrimary(options.db, clock, request);
  }
}

async function recheck(floors: Floors, clock: () => number, kept: Loaded): Promise<Loaded | undefined> {
  const asOf = clock();
  return (await floors.check(kept.tags)) === 'above' ? { ...kept, asOf } : undefined;
}

/** Floors are read after the entry: one read before could be older than what the entry is made of. */
async function readStored(
  options: FencedCacheOptions,
  clock: () => number,
  key: string,
): Promise<Loaded | undefined> {
  return accept(options, clock, await options.entries.get(key));
}

async function accept(
  { floors }: FencedCacheOptions,
  clock: () => number,
  entry: Fresh<unknown> | undefined,
): Promise<Loaded | undefined> {
  if (entry === undefined) return undefined;
  const asOf = clock();
  if ((await floors.check(entry.tags)) !== 'above') return undefined;
  return { ...entry, outcome: 'hit', asOf, bytes: JSON.stringify(entry.value).length };
}

async function fillAndStore(
  options: FencedCacheOptions,
  clock: () => number,
  request: ReadRequest<unknown>,
): Promise<Loaded> {
  const { entries, floors } = options;
  const token = await entries.lease(request.key);
  if (token === undefined) {
    const arrived = await accept(options, clock, await entries.awaitEntry(request.key));
    return arrived ?? fillFromPrimary(options.db, clock, request);
  }
  const filled = await fillFromPrimary(options.db, clock, request).catch((cause: unknown) => {
    throw new FillError('Cannot fill a cache entry', { cause });
  });
  const json = JSON.stringify({ value: filled.value, tags: filled.tags });
  // From here on Redis may fail without harm: the value was read from the primary after the request began.
  const verdict = await floors.check(filled.tags).catch(() => 'unreadable' as const);
  if (verdict !== 'above') return filled;
  const stored = await entries
    .store(request.key, token, json, request.ttlSeconds ?? defaultTtlSeconds)
    .catch(() => false);
  return stored ? { ...filled, outcome: 'miss' } : filled;
}

async function fillFromPrimary(db: Db, clock: () => number, request: ReadRequest<unknown>): Promise<Loaded> {
  const asOf = clock();
  const fresh = await request.fill(db);
  return { ...fresh, outcome: 'bypass', asOf, bytes: JSON.stringify(fresh.value).length };
}

/** The fill itself failed: Postgres or the query, not the cache. */
class FillError extends Error {}
