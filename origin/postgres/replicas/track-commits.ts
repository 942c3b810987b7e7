// Records the log position of a request's last commit, read on the connection that committed.
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresDialect,
  PostgresDriver,
  type TransactionSettings,
} from 'kysely';
import type pg from 'pg';
import { isUnavailable } from '../postgres-errors.ts';
import { parseWrittenPosition, type WalPosition, writtenPositionSql } from './wal-position.ts';

/**
 * The log position of a request's last commit, read on the committing connection before it is released. Inside the
 * transaction the position would lie before its commit record, and a replica at that position would lack the write.
 * `unknown`: a commit is possible but its position is not known; only the primary certainly shows it.
 */
export type WrittenPosition = WalPosition | 'unknown';

export interface CommitTracker {
  /** @returns the last position of the commits of `work`; undefined where it wrote nothing */
  during(work: () => Promise<void>): Promise<WrittenPosition | undefined>;
  /** A dialect for databases whose commits are recorded. */
  dialect(pool: pg.Pool): Dialect;
}

/** Records nothing and costs nothing outside of `during`. */
export function createCommitTracker(): CommitTracker {
  const requests = new AsyncLocalStorage<{ written: WrittenPosition | undefined }>();
  const note = async (connection: TrackedConnection) => {
    const request = requests.getStore();
    if (request === undefined || !connection.mayHaveWritten) return;
    request.written = latest(request.written, await connection.readWritten());
  };
  return {
    async during(work) {
      const request = { written: undefined };
      await requests.run(request, work);
      return request.written;
    },
    dialect: (pool) => new TrackingDialect(pool, note),
  };
}

type Note = (connection: TrackedConnection) => Promise<void>;

class TrackingDialect extends PostgresDialect {
  readonly #pool: pg.Pool;
  readonly #note: Note;

  constructor(pool: pg.Pool, note: Note) {
    super({ pool });
    this.#pool = pool;
    this.#note = note;
  }

  override createDriver(): Driver {
    return new TrackingDriver(new PostgresDriver({ pool: this.#pool }), this.#note);
  }
}

class TrackingDriver implements Driver {
  readonly #driver: Driver;
  readonly #note: Note;

  constructor(driver: Driver, note: Note) {
    this.#driver = driver;
    this.#note = note;
  }

  init() {
    return this.#driver.init();
  }

  async acquireConnection() {
    return new TrackedConnection(await this.#driver.acquireConnection());
  }

  beginTransaction(connection: TrackedConnection, settings: TransactionSettings) {
    return this.#driver.beginTransaction(connection.inner, settings);
  }

  commitTransaction(connection: TrackedConnection) {
    return connection.watch(this.#driver.commitTransaction(connection.inner));
  }

  rollbackTransaction(connection: TrackedConnection) {
    return connection.watch(this.#driver.rollbackTransaction(connection.inner));
  }

  async releaseConnection(connection: TrackedConnection) {
    try {
      await this.#note(connection);
    } finally {
      await this.#driver.releaseConnection(connection.inner);
    }
  }

  destroy() {
    return this.#driver.destroy();
  }
}

/** A connection while a caller has it. */
class TrackedConnection implements DatabaseConnection {
  readonly inner: DatabaseConnection;
  mayHaveWritten = false;
  #isInDoubt = false;

  constructor(inner: DatabaseConnection) {
    this.inner = inner;
  }

  executeQuery<R>(query: CompiledQuery) {
    if (mayWrite(query)) this.mayHaveWritten = true;
    return this.watch(this.inner.executeQuery<R>(query));
  }

  streamQuery<R>(query: CompiledQuery, chunkSize: number) {
    return this.inner.streamQuery<R>(query, chunkSize);
  }

  async watch<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (isUnavailable(error)) this.#isInDoubt = true;
      throw error;
    }
  }

  /** Never throws, because the commit has happened already. */
  async readWritten(): Promise<WrittenPosition> {
    if (this.#isInDoubt) return 'unknown';
    try {
      const { rows } = await this.inner.executeQuery(CompiledQuery.raw(writtenPositionSql));
      return parseWrittenPosition(rows);
    } catch {
      return 'unknown';
    }
  }
}

function latest(known: WrittenPosition | undefined, next: WrittenPosition): WrittenPosition {
  if (known === 'unknown' || next === 'unknown') return 'unknown';
  const isLater = known === undefined || known.timeline !== next.timeline || next.lsn > known.lsn;
  return isLater ? next : known;
}

/** Whether a statement may write. Returns true in doubt, which costs one query to the primary. */
function mayWrite({ query, sql }: CompiledQuery): boolean {
  // A common table expression can write although the statement is a SELECT.
  if (query.kind === 'SelectQueryNode') return query.with !== undefined;
  return !/^\s*select\b/i.test(sql);
}
