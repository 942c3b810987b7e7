// After a request's writes the position of its last commit is read on the very connection that committed, before anybody else gets it.
// Inside the transaction it would lie before its own commit record, and a replica that has replayed so far would not show the write.
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
import { mayWrite } from './may-write.ts';
import { parseWrittenPosition, type WalPosition, writtenPositionSql } from './wal-position.ts';

/** `unknown`: something may have been committed, and nobody could tell where; only the primary surely shows it. */
export type Written = WalPosition | 'unknown';

export interface CommitWitness {
  /** @returns where the commits of `work` end, undefined where it wrote nothing. */
  during(work: () => Promise<void>): Promise<Written | undefined>;
  /** For the databases whose commits are to be seen. */
  dialect(pool: pg.Pool): Dialect;
}

/** Outside `during` it costs nothing. */
export function createCommitWitness(): CommitWitness {
  const requests = new AsyncLocalStorage<{ written: Written | undefined }>();
  const note = async (connection: WitnessedConnection) => {
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
    dialect: (pool) => new WitnessingDialect(pool, note),
  };
}

type Note = (connection: WitnessedConnection) => Promise<void>;

class WitnessingDialect extends PostgresDialect {
  readonly #pool: pg.Pool;
  readonly #note: Note;

  constructor(pool: pg.Pool, note: Note) {
    super({ pool });
    this.#pool = pool;
    this.#note = note;
  }

  override createDriver(): Driver {
    return new WitnessingDriver(new PostgresDriver({ pool: this.#pool }), this.#note);
  }
}

class WitnessingDriver implements Driver {
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
    return new WitnessedConnection(await this.#driver.acquireConnection());
  }

  beginTransaction(connection: WitnessedConnection, settings: TransactionSettings) {
    return this.#driver.beginTransaction(connection.inner, settings);
  }

  commitTransaction(connection: WitnessedConnection) {
    return connection.watch(this.#driver.commitTransaction(connection.inner));
  }

  rollbackTransaction(connection: WitnessedConnection) {
    return connection.watch(this.#driver.rollbackTransaction(connection.inner));
  }

  async releaseConnection(connection: WitnessedConnection) {
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

/** A connection while it is lent. */
class WitnessedConnection implements DatabaseConnection {
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

  /** Never throws: what was committed is committed. */
  async readWritten(): Promise<Written> {
    if (this.#isInDoubt) return 'unknown';
    try {
      const { rows } = await this.inner.executeQuery(CompiledQuery.raw(writtenPositionSql));
      return parseWrittenPosition(rows);
    } catch {
      return 'unknown';
    }
  }
}

function latest(known: Written | undefined, next: Written): Written {
  if (known === 'unknown' || next === 'unknown') return 'unknown';
  const isLater = known === undefined || known.timeline !== next.timeline || next.lsn > known.lsn;
  return isLater ? next : known;
}
