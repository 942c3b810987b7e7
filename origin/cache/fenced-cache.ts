// A read-through cache that cannot serve what has been invalidated: every entry bears tags with versions, every tag has a floor,
// and an entry is stored or served only if each of its tags is at or above its floor.
import type { TagVersions } from '../outbox/events.ts';
import type { DbOrTx } from '../postgres/database.ts';

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
}

export type CacheOutcome = 'hit' | 'miss' | 'bypass';

export interface ReadResult<T> extends Fresh<T> {
  /** `bypass`: the floors could not be read, so the value came from Postgres and was not stored. */
  outcome: CacheOutcome;
}

export interface FencedCache {
  read<T>(request: ReadRequest<T>): Promise<ReadResult<T>>;
  /**
   * The newest entry known, past its time and below its floor too. Only for names and prices of cart lines while Postgres is away.
   */
  readStale<T>(key: string): Promise<Fresh<T> | undefined>;
}
