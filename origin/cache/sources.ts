// The sources of a cached value: this process's memory, Redis, replicas, the primary.

import type { Floors } from '../invalidation/floors.ts';
import type { Db } from '../schema.ts';
import type { EntryStore } from './entry-store.ts';
import type { Memory } from './memory.ts';

export interface EntrySources {
  db: Db;
  /** Replicas, for requests that may be filled from them. */
  sources?: FillSources | undefined;
  floors: Floors;
  memory: Memory;
  entries: EntryStore;
  clock: () => number;
}

/** What a fill may be run on, beside the primary's own pool. */
export interface FillSources {
  /** Perhaps old rows. Undefined where no replica answers. */
  fromReplica<T>(fill: (db: Db) => Promise<T>): Promise<{ value: T } | undefined>;
  wasBelowFloor(): void;
  fromPrimary<T>(fill: (db: Db) => Promise<T>): Promise<T>;
  /** However old, and only while the primary is away; else undefined. */
  whilePrimaryIsAway<T>(fill: (db: Db) => Promise<T>): Promise<{ value: T } | undefined>;
  /** Everything committed before `asOf`, by the monotonic clock. */
  current<T>(fill: (db: Db) => Promise<T>): Promise<{ value: T; asOf: number }>;
}
