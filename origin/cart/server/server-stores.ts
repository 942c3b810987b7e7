// Opens the Postgres and Redis connections that only state `server` uses.
// Each has a watch on whether the store answers.
import { LRUCache } from 'lru-cache';
import pg from 'pg';
import type { Deps } from '../../deps.ts';
import { createPool } from '../../postgres/database.ts';
import { isRefused, isUnavailable } from '../../postgres/postgres-errors.ts';
import { connectRedis } from '../../redis/connect.ts';
import { createRedisRoom, primariesOf, roomForCopies } from '../../redis/servers.ts';
import { type CartCopies, type CopyUpdate, createCartCopies } from './cart-copies.ts';
import type { RunSql } from './cart-statements.ts';
import { type CartWriter, createCartWriter, PostgresSilent } from './cart-writer.ts';
import { createHeldOperations, type HeldOperations, measureHeld } from './held-operations.ts';
import { type CartJournal, createCartJournal, waitMs } from './journal.ts';
import { runIn } from './locked-cart.ts';
import { publishCommit } from './publish-copies.ts';
import { createStoreWatch, type StoreWatch } from './store-watch.ts';
import { tendHeld } from './tend-held.ts';

export interface ServerStores {
  deps: Deps;
  postgres: StoreWatch;
  /** @throws PostgresSilent at once while Postgres is away, and where it does not answer in time */
  read: RunSql;
  writer: CartWriter;
  copies: CartCopies;
  journal: CartJournal;
  /** Operations that this origin acknowledged from the journal and has not seen committed. */
  held: HeldOperations;
  /** Carts that were found to belong to accounts, each with the lineage of the database in which that was seen. */
  theirs: LRUCache<string, string>;
  /** Hands over the held operations within two seconds, and ends the connections. */
  close(): Promise<void>;
}

/**
 * Every statement of these pools looks up a few rows by primary key. A plan made while the tables were empty would
 * scan them for as long as the connection lives.
 */
const byPrimaryKeyOnly = { enable_seqscan: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off' };
const rememberedCarts = 5_000;
const probeMs = 250;
const patientProbeMs = 1_000;
const readTimeoutMs = 1_000;
/**
 * Longer than any operation waits for its commit. A late answer then frees the client, and no new connection is
 * needed.
 */
const writeTimeoutMs = 2_000;
/** Part of the ten seconds that a stop may take. Running requests have ended before. */
const handOverMs = 1_800;

export function openServerStores(deps: Deps): ServerStores {
  const { settings } = deps;
  const pool = (name: string, max: number, queryTimeoutMs: number) =>
    createPool({ url: settings.databaseUrl, name, max, queryTimeoutMs, session: byPrimaryKeyOnly });
  const writerPool = pool('cart-writer', 2, writeTimeoutMs);
  const readerPool = pool('cart-reader', 4, readTimeoutMs);
  // It resends nothing. WAIT on a new connection covers no earlier write, so it would confirm nothing.
  const journalRedis = connectRedis({
    urls: settings.redisUrls,
    name: 'cart-journal',
    commandTimeoutMs: waitMs + 300,
    resend: false,
  });

  const postgres = createStoreWatch({
    probe: (deadlineMs) => probePostgres(settings.databaseUrl, deadlineMs),
    probeMs,
    patientProbeMs,
    silentProbes: 2,
    isRefusal: isRefused,
  });
  const redis = createStoreWatch({
    // Each ping has the client's own command deadline. One answering server of a cluster is enough: a server that is
    // gone affects only its own carts.
    probe: () => Promise.any(primariesOf(deps.redis).map((server) => server.ping())),
    probeMs,
    patientProbeMs,
    silentProbes: 0,
    isRefusal: () => true,
  });
  const read = readThrough(readerPool, postgres);
  const copies = createCartCopies(
    deps.redis,
    redis,
    createRedisRoom(deps.redis, roomForCopies),
    deps.lineage,
  );
  const held = createHeldOperations();
  measureHeld(deps.registry, held);
  const publishing = { copies, held, read };
  const publish = (updates: CopyUpdate[]) => publishCommit(publishing, updates);
  const writer = createCartWriter({ pool: writerPool, watch: postgres, publish, lineage: deps.lineage });
  const journal = createCartJournal(journalRedis, {
    replicas: settings.redisReplicas,
    watch: redis,
    other: deps.redis,
    lineage: deps.lineage,
  });
  const write = runIn(deps.db);
  const tender = tendHeld({ ...publishing, postgres, writer, journal, write }, (error) =>
    deps.log.debug({ err: error }, 'held cart operations'),
  );
  let closing: Promise<void> | undefined;
  const close = async () => {
    const left = await tender.handOver(handOverMs);
    tender.close();
    if (left > 0) deps.log.error({ operations: left }, 'cart operations are held by nobody any longer');
    postgres.close();
    redis.close();
    journalRedis.disconnect();
    await Promise.all([writer.close(), readerPool.end()]);
  };
  return {
    deps,
    postgres,
    read,
    writer,
    copies,
    journal,
    held,
    theirs: new LRUCache({ max: rememberedCarts }),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function readThrough(pool: pg.Pool, watch: StoreWatch): RunSql {
  return async (query) => {
    if (watch.isAway()) throw new PostgresSilent('Postgres is away');
    try {
      return (await pool.query(query)).rows;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      watch.unanswered();
      throw new PostgresSilent('Postgres did not answer', { cause: error });
    }
  };
}

/**
 * Checks that a primary answers and may write. It connects anew each time, because old connections may lead to a
 * server that is gone.
 */
async function probePostgres(url: string, deadlineMs: number): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'cart-probe',
    connectionTimeoutMillis: deadlineMs,
    query_timeout: deadlineMs,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query('show transaction_read_only');
    if (rows[0]?.transaction_read_only !== 'off') throw new Error('This Postgres is read only');
  } finally {
    void client.end().catch(() => undefined);
  }
}
