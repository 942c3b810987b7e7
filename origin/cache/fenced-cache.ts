// Reads through memory, then Redis, then a fill from Postgres, and serves no entry with a tag below its floor.

import type { Floors } from '../invalidation/floors.ts';
import { type Lineage, onlyLineage } from '../invalidation/lineage-watch.ts';
import type { Db } from '../schema.ts';
import {
  type CacheOutcome,
  type Fresh,
  jsonCodec,
  type LoadedEntry,
  type ReadRequest,
  type ReadResult,
} from './entry.ts';
import type { EntryStore } from './entry-store.ts';
import { type FillSources, fillUnchecked, isOver, loadEntry } from './load-entry.ts';
import { createMemory } from './memory.ts';

export interface FencedCache {
  read<T>(request: ReadRequest<T>): Promise<ReadResult<T>>;
  /** Returns what this process's memory may serve now, without asking any store. */
  recall<T>(key: string): ReadResult<T> | undefined;
  /** Returns what memory may serve after its floors were read again. @throws where Redis does not answer */
  recheck<T>(key: string): Promise<ReadResult<T> | undefined>;
  /**
   * Returns what memory may serve of many keys, after reading floors again where needed. The caller must read the
   * missing keys.
   */
  recallAll<T>(keys: string[]): Promise<Map<string, T>>;
  /**
   * Returns the newest known JSON entry, even if it is expired or below its floor. Only for data that may be old
   * while Postgres is away.
   */
  readStale<T>(key: string): Promise<Fresh<T> | undefined>;
}

export interface FencedCacheOptions {
  /** The primary. */
  db: Db;
  sources?: FillSources;
  floors: Floors;
  entries: EntryStore;
  /** Bytes of this process's memory for entries. */
  l1Bytes: number;
  /** Monotonic milliseconds; the clock must go on while the process is paused. */
  clock?: () => number;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** Writes due changes, such as the begin of a sale. */
  makeDueChanges?: () => Promise<void>;
  onOutcome?: (outcome: CacheOutcome, key: string) => void;
  /** Tells the database's present lineage. */
  lineage?: Pick<Lineage, 'known'>;
}

export function createFencedCache(options: FencedCacheOptions): FencedCache {
  const clock = options.clock ?? (() => performance.now());
  const { lineage = onlyLineage, now = Date.now, makeDueChanges } = options;
  const memory = createMemory({ floors: options.floors, maxBytes: options.l1Bytes, clock, now, lineage });
  const entrySources = {
    ...options,
    clock,
    now,
    memory,
    lineage,
    makeDueChanges: makeDueChanges && shareRun(makeDueChanges),
  };
  const loading = new Map<string, Promise<LoadedEntry>>();

  /**
   * Whether a request that began at `began` may get the entry. Its floors were read since then, or so recently that
   * no change is done yet.
   */
  const mayServe = (entry: LoadedEntry, began: number) => entry.asOf >= began || memory.isTrusted(entry);

  /** Loads each key once at a time, for all its callers. */
  const load = (request: ReadRequest<unknown>): Promise<LoadedEntry> => {
    const current = loading.get(request.key);
    if (current !== undefined) return current;
    const started = loadEntry(entrySources, request)
      .then((loaded) => {
        const isNew = memory.peek(request.key) !== loaded;
        if (isNew && loaded.isChecked && request.l1 !== false) memory.keep(request.key, loaded);
        return loaded;
      })
      .finally(() => loading.delete(request.key));
    loading.set(request.key, started);
    return started;
  };

  const read = async (request: ReadRequest<unknown>): Promise<LoadedEntry> => {
    const recalled = memory.recall(request.key);
    if (recalled !== undefined) return recalled;
    const began = clock();
    for (let attempt = 0; attempt < 3; attempt++) {
      const loaded = await load(request);
      if (mayServe(loaded, began)) return loaded;
    }
    return fillUnchecked(entrySources, request);
  };

  const report = <T>(loaded: LoadedEntry, key: string): ReadResult<T> => {
    options.onOutcome?.(loaded.outcome, key);
    return loaded as ReadResult<T>;
  };

  return {
    async read<T>(request: ReadRequest<T>) {
      const loaded = await read(request as ReadRequest<unknown>);
      return report<T>(loaded, request.key);
    },
    recall<T>(key: string) {
      const recalled = memory.recall(key);
      return recalled && report<T>(recalled, key);
    },
    async recheck<T>(key: string) {
      const began = clock();
      const entry = await memory.recheck(key);
      return entry !== undefined && mayServe(entry, began) ? report<T>(entry, key) : undefined;
    },
    async recallAll<T>(keys: string[]) {
      const found = new Map<string, T>();
      const find = (entry: LoadedEntry, key: string) => found.set(key, report<T>(entry, key).value);
      const others: string[] = [];
      for (const key of keys) {
        const recalled = memory.recall(key);
        if (recalled === undefined) others.push(key);
        else find(recalled, key);
      }
      if (others.length === 0) return found;
      const began = clock();
      await memory.recheckAll(others).catch(() => undefined);
      for (const key of others) {
        const entry = memory.peek(key);
        if (entry !== undefined && !isOver(entry, now) && mayServe(entry, began)) find(entry, key);
      }
      return found;
    },
    async readStale<T>(key: string) {
      const kept = memory.peek(key);
      if (kept !== undefined) return kept as Fresh<T>;
      const entry = await options.entries.get(key).catch(() => undefined);
      return entry && { value: jsonCodec.decode(entry.bytes) as T, tags: entry.tags };
    },
  };
}

/** Callers during a run share that run. */
function shareRun(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}
