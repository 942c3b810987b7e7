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
  /** Session parameters of this pool, such as `enable_seqscan: 'off'`. */
  session?: Record<string, string>;
  onError?: (error: Error) => void;
}

/**
 * Creates a pool. `bigint` columns arrive as strings (ids), `integer` ones as numbers (versions, quantities, minor
 * units). Without an error listener, a failing idle client would end the process.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const queryTimeoutMs = options.queryTimeoutMs ?? 2_000;
  const pool = new pg.Pool({
    connectionString: plainTls(options.url),
    application_name: options.name,
    max: options.max,
    // This also bounds how long a request waits for a client; a rush on one product queues here.
    connectionTimeoutMillis: options.connectTimeoutMs ?? 4_000,
    idleTimeoutMillis: 30_000,
    // The client enforces this deadline, because statement_timeout does not help against a frozen server.
    query_timeout: queryTimeoutMs,
    statement_timeout: queryTimeoutMs,
    idle_in_transaction_session_timeout: 10_000,
    options: sessionOptions(options.session),
    keepAlive: true,
  });
  pool.on('error', (error) => options.onError?.(error));
  // The pool listens to idle clients only. Without this listener, a lent client would end the process when its server
  // dies.
  pool.on('connect', (client) => client.on('error', (error) => options.onError?.(error)));
  destroyUncertainClients(pool);
  return pool;
}

/** Members of the driver's client that its types lack. */
interface SessionState {
  /** False from sending a statement until the server reports its end. */
  readyForQuery: boolean;
  /** A statement that was sent and has neither result nor error yet. */
  _activeQuery: unknown;
  connection: { on(event: 'readyForQuery', listener: () => void): void };
  getTransactionStatus(): string | null;
}

/**
 * Destroys clients whose server has not ended their last statement. After a timeout the statement still runs, perhaps
 * on a host that is gone, and the pool would lend that client first. A client inside a transaction is destroyed as
 * well.
 */
function destroyUncertainClients(pool: pg.Pool): void {
  const heard = new WeakSet<pg.PoolClient>();
  pool.on('connect', (client) => {
    const session = client as unknown as SessionState;
    session.connection.on('readyForQuery', () => heard.add(client));
  });
  pool.on('acquire', (client) => {
    // An error arrives slightly before the server is ready again. The next borrower then waits for that.
    if ((client as unknown as SessionState).readyForQuery) heard.add(client);
    else heard.delete(client);
  });
  pool.on('release', (error, client) => {
    const session = client as unknown as SessionState;
    const isSilent = !session.readyForQuery && (Boolean(session._activeQuery) || !heard.has(client));
    const isOpen = session.readyForQuery && session.getTransactionStatus() !== 'I';
    // The pool removes clients that are ending. `end` destroys the socket at once while a statement runs.
    if (!error && (isSilent || isOpen)) void client.end().catch(() => undefined);
  });
}

/** The driver treats these modes as `verify-full` and warns at each start, so the URL names that mode. */
function plainTls(url: string): string {
  return url.replace(/([?&]sslmode=)(prefer|require|verify-ca)(?=&|$)/, '$1verify-full');
}

/** JIT is off: the planner overestimates searches, and compiling them would take longer than running them. */
function sessionOptions(session: PoolOptions['session'] = {}): string {
  return Object.entries({ jit: 'off', ...session })
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
}

/** @param commits records the log positions of commits */
export function createDatabase(pool: pg.Pool, commits?: Pick<CommitTracker, 'dialect'>): Db {
  return new Kysely<Database>({ dialect: commits?.dialect(pool) ?? new PostgresDialect({ pool }) });
}
