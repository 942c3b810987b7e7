// One replica: its pool, its replayed position, and reads that check the position on the connection that runs them.
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { createSemaphore } from '../../concurrency/semaphore.ts';
import type { Db } from '../../schema.ts';
import { createDatabase, createPool } from '../database.ts';
import {
  createProbe,
  isPast,
  parseReplayedPosition,
  type ReplayedPosition,
  replayedPositionSql,
  type WalPosition,
} from './wal-position.ts';

/** Must read everything through the given `db`. It may be called again with another one. */
export type ReplicaRead<T> = (db: Db) => Promise<T>;

export interface Replica {
  /** `replica-1`: its place in the settings, so that metrics do not contain the address. */
  readonly name: string;
  /** Number of reads that are running. */
  readonly inFlight: number;
  /** Undefined while the replica does not answer. */
  readonly replayed: ReplayedPosition | undefined;
  /**
   * Timeline that it last streamed since it began to answer. A replica that merely lost its sender counts as one that
   * lags.
   */
  readonly followedTimeline: number | undefined;
  /** Asks for the replayed position. Never throws. */
  measure(): Promise<void>;
  /** Excludes the replica after a failed read, until it has been measured again. */
  suspect(): void;
  /** @throws BehindError where it does not reach `wanted` within a moment; SemaphoreFullError */
  run<T>(read: ReplicaRead<T>, wanted?: WalPosition): Promise<T>;
  close(): Promise<void>;
}

export class BehindError extends Error {}

export interface ReplicaOptions {
  name: string;
  url: string;
  /** Shown in pg_stat_activity. */
  application: string;
  poolSize: number;
  onError: (error: Error) => void;
}

const measureTimeoutMs = 1_000;
const connectTimeoutMs = 500;
const queryTimeoutMs = 1_000;
/** Waiting for a turn is no sign of a fault. The queue is therefore separate from the pool and its timeouts. */
const queue = { waiting: 200, waitMs: 1_500 };
/** A healthy replica needs milliseconds to replay a recent commit. */
const catchUpMs = 60;
const lookAgainMs = 4;

export function createReplica(options: ReplicaOptions): Replica {
  const { name, url, application, poolSize: max, onError } = options;
  const probe = createProbe({ url, name: `${application} probe`, timeoutMs: measureTimeoutMs });
  const open = () =>
    createDatabase(createPool({ url, name: application, max, connectTimeoutMs, queryTimeoutMs, onError }));
  let db = open();
  const semaphore = createSemaphore({ atOnce: max, ...queue });
  let inFlight = 0;
  let replayed: ReplayedPosition | undefined;
  let followedTimeline: number | undefined;
  let measuring: Promise<void> | undefined;

  const measure = async () => {
    try {
      replayed = parseReplayedPosition(await probe.ask(replayedPositionSql));
      followedTimeline = replayed.streamedTimeline ?? followedTimeline;
    } catch (error) {
      fallSilent();
      onError(error as Error);
    }
  };
  /** Connections to a silent server are closed, because a different server may answer at the address later. */
  const fallSilent = () => {
    if (replayed === undefined) return;
    replayed = undefined;
    followedTimeline = undefined;
    void db.destroy().catch(onError);
    db = open();
  };

  return {
    name,
    get inFlight() {
      return inFlight;
    },
    get replayed() {
      return replayed;
    },
    get followedTimeline() {
      return followedTimeline;
    },
    measure() {
      measuring ??= measure().finally(() => {
        measuring = undefined;
      });
      return measuring;
    },
    suspect() {
      fallSilent();
      void this.measure();
    },
    async run(read, wanted) {
      inFlight++;
      try {
        return await semaphore.run(() =>
          db.connection().execute(async (connection) => {
            if (wanted !== undefined) await awaitPosition(connection, wanted);
            return read(connection);
          }),
        );
      } finally {
        inFlight--;
      }
    },
    async close() {
      probe.close();
      await db.destroy();
    },
  };
}

async function awaitPosition(db: Db, wanted: WalPosition): Promise<void> {
  const deadlineMs = performance.now() + catchUpMs;
  for (;;) {
    const { rows } = await sql.raw(replayedPositionSql).execute(db);
    const replayed = parseReplayedPosition(rows);
    if (replayed.isReplica && isPast(replayed, wanted)) return;
    if (replayed.streamedTimeline !== wanted.timeline || performance.now() >= deadlineMs)
      throw new BehindError('This replica has not replayed what must be seen');
    await delay(lookAgainMs);
  }
}
