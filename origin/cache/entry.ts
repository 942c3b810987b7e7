// The types of the cache: what a read asks for and what it returns.
import type { TagVersions } from '../../http/cache-tag.ts';
import type { DbOrTx } from '../schema.ts';
import type { Codec } from './codec.ts';

export interface Fresh<T> {
  value: T;
  /** Every row that the value was made from, at the version read. */
  tags: TagVersions;
}

export interface ReadRequest<T> {
  /** Names the entry; also what concurrent misses are gathered by. */
  key: string;
  /** Makes the value. Must read every row through the `db` that it is given. */
  fill: (db: DbOrTx) => Promise<Fresh<T>>;
  /** True: a replica may fill it, as nobody decides on a write by it. */
  fromReplicas?: boolean;
  /** How the value becomes bytes; JSON unless given. One key has one codec. */
  codec?: Codec<T>;
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

/** A value, and the monotonic moment from which on it may have changed. */
export interface Loaded extends ReadResult<unknown> {
  /** Moves forward each time that its floors are found to stand. */
  asOf: number;
  /** Of this process's memory. */
  bytes: number;
  /** Whether its floors were read and stand: only then may memory keep it. */
  isChecked: boolean;
}
