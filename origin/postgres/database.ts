// Connects to Postgres. Every wait has a deadline, and a client in an unknown state never returns to the pool.
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database, Db } from '../schema.ts';
import type { CommitTracker } from './replicas/track-commits.ts';

export interface PoolOptions {
  url: string;
  /** Shown in pg_stat_activity. */
  name: string;
  max: number;
  connectTimeoutMs?: number;
  queryTimeoutMs?: number;
  /** For the sessions of this pool, such as `enable_seqscan: 'off'`. */
  session?: Record<string, string>;
  onError?: (error: Error) => void;
}

/**
 * `bigint` columns arrive as strings (they are ids), `integer` ones as numbers (versions, quantities, minor units).
 * A pool without an error listener dies with one idle client, hence `onError`.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const queryTimeoutMs = options.queryTimeoutMs ?? 2_000;
  const pool = new pg.Pool({
    connectionString: plainTls(options.url),
    application_name: options.name,
    max: options.max,
    // Also how long a request waits for its turn: a rush on one product queues here.
    connectionTimeoutMillis: options.connectTimeoutMs ?? 4_000,
    idleTimeoutMillis: 30_000,
    // The client's own deadline: statement_timeout does nothing against a frozen server.
    query_timeout: queryTimeoutMs,
    statement_timeout: queryTimeoutMs,
    idle_in_transaction_session_timeout: 10_000,
    options: sessionOptions(options.session),
    keepAlive: true,
  });
  pool.on('error', (error) => options.onError?.(error));
  // The pool listens to idle clients only: one that is lent when its server dies would take the process with it.
  pool.on('connect', (client) => client.on('error', (error) => options.onError?.(error)));
  return pool;
}

/** What the driver takes for the same as `verify-full`, and warns of at each start. */
function plainTls(url: string): string {
  return url.replace(/([?&]sslmode=)(prefer|require|verify-ca)(?=&|$)/, '$1verify-full');
}

/** Where Postgres can compile queries, it would do so for longer than a search runs, whose terms it takes for dear. */
function sessionOptions(session: PoolOptions['session'] = {}): string {
  return Object.entries({ jit: 'off', ...session })
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
}

/** @param commits sees where its commits end, for whoever asks */
export function createDatabase(pool: pg.Pool, commits?: Pick<CommitTracker, 'dialect'>): Db {
  return new Kysely<Database>({ dialect: commits?.dialect(pool) ?? new PostgresDialect({ pool }) });
}
