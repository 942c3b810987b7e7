// Chooses the server for a read: a replica where that is safe, else the primary. No write may depend on such a read.
import type { Registry } from 'prom-client';
import { createSemaphore, SemaphoreFullError } from '../../concurrency/semaphore.ts';
import { unavailable } from '../../errors.ts';
import type { Db } from '../../schema.ts';
import { createDatabase, createPool } from '../database.ts';
import { createReplica, type ReplicaRead } from './replica.ts';
import { createReadMetrics, createReplicaSet, type ReadMetrics, type ReplicaAnswer } from './replica-set.ts';
import type { WrittenPosition } from './track-commits.ts';
import { createPrimaryLog, createProbe, sharedMs, type WalPosition } from './wal-position.ts';

export interface ReadSources {
  /**
   * Reads from a replica, whose rows may be old: the caller must compare them with the floors. Undefined where no
   * replica answers.
   */
  fromReplica<T>(read: ReplicaRead<T>): Promise<ReplicaAnswer<T> | undefined>;
  /** Counts that an answer of `fromReplica` was below a floor. */
  wasBelowFloor(): void;
  /** Reads from the primary, as one of a bounded number of reads. @throws Refusal 503 where too many wait */
  fromPrimary<T>(read: ReplicaRead<T>): Promise<T>;
  /** Reads from any replica, however old, but only while the primary does not answer; else undefined. */
  whilePrimaryIsAway<T>(read: ReplicaRead<T>): Promise<ReplicaAnswer<T> | undefined>;
  /**
   * Reads without floors. The answer contains all commits before `asOf` (monotonic milliseconds). Where the primary is
   * unreachable nobody can tell, and the answer has `mayBeOld`.
   */
  current<T>(read: ReplicaRead<T>): Promise<ReplicaAnswer<T> & { asOf: number; mayBeOld?: boolean }>;
  /** Reads a shopper's rows including their own writes. @param written undefined: no write in the last minutes */
  forShopper<T>(written: WrittenPosition | undefined, read: ReplicaRead<T>): Promise<T>;
  close(): Promise<void>;
}

export interface ReadSourcesOptions {
  primaryUrl: string;
  /** Each address is one server, never an endpoint that mixes several. */
  replicaUrls: string[];
  /** The primary's ordinary pool, for reads of shoppers' own rows. */
  db: Db;
  registry: Registry;
  /** Shown in pg_stat_activity. */
  name: string;
  onError: (error: Error) => void;
  /** Lineage of the database. Replicas of another lineage are not read. */
  lineage?: () => string | undefined;
}

const askTimeoutMs = 500;
const replicaPoolSize = 8;
/** Browsing shares the primary with carts and orders. These bounds limit its part. */
const browsing = { atOnce: 6, waiting: 600, waitMs: 3_000 };

export function createReadSources(options: ReadSourcesOptions): ReadSources {
  const { primaryUrl, replicaUrls, name, onError } = options;
  const probe = createProbe({ url: primaryUrl, name: `${name} probe`, timeoutMs: askTimeoutMs });
  const primary = createPrimaryLog(probe);
  const replicas = createReplicaSet({
    replicas: replicaUrls.map((url, index) =>
      createReplica({
        name: `replica-${index + 1}`,
        url,
        application: name,
        poolSize: replicaPoolSize,
        onError,
      }),
    ),
    primary,
    metrics: () => metrics,
    onError,
    ...(options.lineage ? { lineage: options.lineage } : {}),
  });
  const metrics: ReadMetrics = createReadMetrics(
    options.registry,
    () => replicas.measured(),
    () => replicas.measuredOnce(),
  );
  const semaphore = createSemaphore(browsing);
  // Browsing has its own connections, because one read may use several at once.
  const browseDb = createDatabase(
    createPool({
      url: primaryUrl,
      name: `${name} browsing`,
      max: browsing.atOnce,
      connectTimeoutMs: browsing.waitMs,
      onError,
    }),
  );

  const fromPrimary = async <T>(read: ReplicaRead<T>): Promise<T> => {
    const value = await semaphore
      .run(() => read(browseDb))
      .catch((error: unknown) => {
        if (!(error instanceof SemaphoreFullError)) throw error;
        throw unavailable('Too many look around at once; please try again in a moment', error);
      });
    metrics.answered('primary');
    return value;
  };

  /** Undefined where the primary does not answer. */
  const askPrimary = () => primary.ask().catch(() => undefined);

  /** Positions on two timelines cannot be compared. Only the primary certainly has writes of another timeline. */
  const mayBeReplica = (written: WrittenPosition | undefined): written is WalPosition | undefined =>
    written === undefined || (written !== 'unknown' && written.timeline === primary.newest()?.timeline);

  return {
    fromReplica: (read) => replicas.read(read),
    wasBelowFloor: () => metrics.fellBack('below floor'),
    fromPrimary,
    async whilePrimaryIsAway(read) {
      return (await askPrimary()) === undefined ? replicas.readHoweverOld(read) : undefined;
    },
    async current(read) {
      const nowMs = performance.now();
      if (replicaUrls.length === 0) return { value: await fromPrimary(read), asOf: nowMs };
      const asked = await askPrimary();
      const found = asked ? await replicas.read(read, asked.position) : await replicas.readHoweverOld(read);
      if (found !== undefined)
        return asked
          ? { ...found, asOf: asked.askedAtMs + sharedMs }
          : { ...found, asOf: nowMs, mayBeOld: true };
      return { value: await fromPrimary(read), asOf: nowMs };
    },
    async forShopper(written, read) {
      const found = mayBeReplica(written) ? await replicas.read(read, written) : undefined;
      if (found !== undefined) return found.value;
      const value = await read(options.db);
      metrics.answered('primary');
      return value;
    },
    async close() {
      probe.close();
      await Promise.all([browseDb.destroy(), replicas.close()]);
    },
  };
}
