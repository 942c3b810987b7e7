// The dependencies of origin and worker, made once at start-up and passed down.
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { createCacheMetrics } from './cache/entry.ts';
import { createEntryStore } from './cache/entry-store.ts';
import { createFencedCache, type FencedCache } from './cache/fenced-cache.ts';
import { turnDueSales } from './catalog/change/turn-sales.ts';
import type { Settings } from './config.ts';
import { createFloors, type Floors, type TagVersionReader } from './invalidation/floors.ts';
import { followLineage, type Lineage } from './invalidation/lineage-watch.ts';
import { createWakeWorker, type WakeWorker } from './outbox/events.ts';
import { createDatabase, createPool } from './postgres/database.ts';
import { createReadSources, type ReadSources } from './postgres/replicas/read-sources.ts';
import { type CommitTracker, createCommitTracker } from './postgres/replicas/track-commits.ts';
import { createProbe } from './postgres/replicas/wal-position.ts';
import { connectRedis, type RedisClient } from './redis/connect.ts';
import { createRedisRoom, roomForEntries } from './redis/servers.ts';
import type { Db } from './schema.ts';
import { type CountAnswer, createRequestMetrics } from './web/serving/load-shedding.ts';

export interface Deps {
  settings: Settings;
  log: Logger;
  /** The primary's database. */
  db: Db;
  /** Reads from replicas, else from the primary. No write may be decided by such a read. */
  reads: ReadSources;
  /** Records the log positions of the commits of `db`. */
  commits: CommitTracker;
  /** The metrics that this process serves on METRICS_PORT. */
  registry: Registry;
  countAnswer: CountAnswer;
  /** Fails fast. The caller ignores its errors or answers 503. */
  redis: RedisClient;
  /** Lineage of the database. Values that were stored under another lineage are not used. */
  lineage: Lineage;
  floors: Floors;
  cache: FencedCache;
  /** Call after a commit that wrote to the outbox. */
  wakeWorker: WakeWorker;
  /** Milliseconds since 1970; for expiry only, never for order. */
  now: () => number;
}

export interface DepsOptions {
  /** The domains' readers of tag versions. */
  versionReaders: TagVersionReader[];
  poolSize?: number;
  l1Bytes?: number;
}

const lineageTimeoutMs = 500;

/** Connects to both stores, neither of which must answer yet. Disposing closes the connections. */
export function createDeps(settings: Settings, log: Logger, options: DepsOptions): Deps & AsyncDisposable {
  const name = `${settings.zone}/${settings.instance}`;
  const onError = (store: string) => (error: Error) => log.debug({ err: error }, `${store} connection`);
  const pool = createPool({
    url: settings.databaseUrl,
    name,
    max: options.poolSize ?? 10,
    onError: onError('postgres'),
  });
  const commits = createCommitTracker();
  const db = createDatabase(pool, commits);
  const registry = new Registry();
  const redis = connectRedis({ urls: settings.redisUrls, name, onError: onError('redis') });
  const lineage = followLineage({
    redis,
    db,
    probe: createProbe({ url: settings.databaseUrl, name: `${name} lineage`, timeoutMs: lineageTimeoutMs }),
    registry,
    onChange: (from, to) =>
      log.warn({ from, to }, 'the database has gone back in time: nothing kept of it is used'),
  });
  const reads = createReadSources({
    primaryUrl: settings.databaseUrl,
    replicaUrls: settings.databaseReplicaUrls,
    db,
    registry,
    name,
    onError: onError('postgres'),
    lineage: () => lineage.known()?.value,
  });
  const floors = createFloors({ redis, db, readers: options.versionReaders, lineage });
  const cache = createFencedCache({
    db,
    sources: reads,
    floors,
    entries: createEntryStore(redis, createRedisRoom(redis, roomForEntries), lineage),
    l1Bytes: options.l1Bytes ?? 24 * 1024 * 1024,
    now: () => deps.now(),
    makeDueChanges: () => turnDueSales(deps, deps.now()),
    onOutcome: createCacheMetrics(registry),
    lineage,
  });
  const deps: Deps & AsyncDisposable = {
    settings,
    log,
    db,
    reads,
    commits,
    registry,
    countAnswer: createRequestMetrics(registry),
    redis,
    lineage,
    floors,
    cache,
    wakeWorker: createWakeWorker(redis),
    now: Date.now,
    async [Symbol.asyncDispose]() {
      lineage.close();
      redis.disconnect();
      await Promise.all([db.destroy(), reads.close()]);
    },
  };
  return deps;
}
