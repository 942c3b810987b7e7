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

/** Must read everything through the `db` that it is given; it may be called again with another. */
export type ReplicaRead<T> = (db: Db) => Promise<T>;

export interface Replica {
  /** `replica-1`: its place in the settings, which does not tell the address. */
  readonly name: string;
  /** Reads that it is answering now. */
  readonly inFlight: number;
  /** Undefined while it does not answer. */
  readonly replayed: ReplayedPosition | undefined;
  /**
   * What it streamed last since it began to answer: a replica whose sender is just away is no worse than one that
   * lags.
   */
  readonly followedTimeline: number | undefined;
  /** Asks where it stands. Never throws. */
  measure(): Promise<void>;
  /** A read has failed: it is left out until it has been measured again. */
  suspect(): void;
  /** @throws BehindError where it is not past `wanted`, nor gets there within a moment; SemaphoreFullError. */
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
/** Waiting for a turn is no sign of illness, so it has a place of its own before the pool. */
const queue = { waiting: 200, waitMs: 1_500 };
/** A replica that is well needs milliseconds for what was committed just now. */
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
  /** Connections to a server that fell silent are never used again: it may be another one when it is back. */
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
