// Connects to Postgres. Every wait has a deadline, and a client in an unknown state never returns to the pool.
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database, Db } from '../schema.ts';
import type { CommitTracker } from './replicas/track-commits.ts';

interface PoolOptions {
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
  destroyUncertainClients(pool);
  return pool;
}

/** What the driver keeps of a session, beside what its types tell. */
interface SessionState {
  /** False from the moment that a statement is sent until the server says that it has ended. */
  readyForQuery: boolean;
  /** Sent, and neither answered nor refused. */
  _activeQuery: unknown;
  connection: { on(event: 'readyForQuery', listener: () => void): void };
  getTransactionStatus(): string | null;
}

/**
 * A client goes back to the pool only where its server has ended what was asked of it. A statement that ran into its
 * deadline is still under way, on a server that may be gone without a word: the pool would lend that client again
 * first, as the one used last. A client inside a transaction is destroyed as well.
 */
function destroyUncertainClients(pool: pg.Pool): void {
  const heard = new WeakSet<pg.PoolClient>();
  pool.on('connect', (client) => {
    const session = client as unknown as SessionState;
    session.connection.on('readyForQuery', () => heard.add(client));
  });
  pool.on('acquire', (client) => {
    // A refusal arrives a little before the server is ready again; who borrows the client meanwhile waits for that.
    if ((client as unknown as SessionState).readyForQuery) heard.add(client);
    else heard.delete(client);
  });
  pool.on('release', (error, client) => {
    const session = client as unknown as SessionState;
    const isSilent = !session.readyForQuery && (Boolean(session._activeQuery) || !heard.has(client));
    const isOpen = session.readyForQuery && session.getTransactionStatus() !== 'I';
    // The pool removes what is ending. The socket is destroyed at once while a statement is under way.
    if (!error && (isSilent || isOpen)) void client.end().catch(() => undefined);
  });
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
