// Positions in the write-ahead log: asked of the primary before a fresh read, and of replicas, on connections of their
// own, so that they never wait behind reads.
import pg from 'pg';

/**
 * Positions in the write-ahead log. A promotion starts a new timeline; positions of two timelines cannot be
 * compared.
 */
export interface WalPosition {
  timeline: number;
  /** Bytes since the log began, as `timeline/LSN` has them in hexadecimal. */
  lsn: bigint;
}

/** What a server says that replays somebody else's log. */
export interface ReplayedPosition {
  lsn: bigint;
  /** Undefined while it streams from nobody: what it replays then may be of any timeline. */
  streamedTimeline: number | undefined;
  /** False: it was promoted, and is nobody's replica any more. */
  isReplica: boolean;
  /** The lineage of the database that it shows. */
  lineage?: string | undefined;
}

/** The name of a log file tells the timeline at once; the control file would tell it only after the next checkpoint. */
export const writtenPositionSql = `
  select substr(pg_walfile_name(lsn), 1, 8) as timeline, pg_wal_lsn_diff(lsn, '0/0')::text as lsn
  from pg_current_wal_lsn() as lsn`;

/** Needs `pg_read_all_stats`; without it the server counts as one that streams from nobody. */
export const replayedPositionSql = `
  select pg_is_in_recovery() as is_replica, coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'), 0)::text as lsn,
    (select received_tli from pg_stat_wal_receiver where status = 'streaming') as timeline,
    (select value from database_lineage) as lineage`;

export function parseWrittenPosition(rows: unknown[]): WalPosition {
  const row = rows[0] as { timeline: string; lsn: string };
  return { timeline: Number.parseInt(row.timeline, 16), lsn: BigInt(row.lsn) };
}

export function parseReplayedPosition(rows: unknown[]): ReplayedPosition {
  const row = rows[0] as { is_replica: boolean; lsn: string; timeline: number | null; lineage?: string };
  return {
    lsn: BigInt(row.lsn),
    streamedTimeline: row.timeline ?? undefined,
    isReplica: row.is_replica,
    lineage: row.lineage,
  };
}

/** Whether a server that says so shows everything that was committed up to `wanted`. */
export function isPast(replayed: ReplayedPosition, wanted: WalPosition): boolean {
  return replayed.streamedTimeline === wanted.timeline && replayed.lsn >= wanted.lsn;
}

/** Asks one server small questions on a connection of its own, so that they never wait behind reads. */
interface ProbeOptions {
  url: string;
  /** Shown in pg_stat_activity. */
  name: string;
  /** For the connection and for each answer. */
  timeoutMs: number;
}

export interface Probe {
  /** @throws where the server does not answer in time; the connection is then never used again. */
  ask(sql: string): Promise<unknown[]>;
  close(): void;
}

export function createProbe({ url, name, timeoutMs }: ProbeOptions): Probe {
  let connection: Promise<pg.Client> | undefined;
  let isClosed = false;

  const drop = () => {
    connection?.then((client) => client.end()).catch(() => undefined);
    connection = undefined;
  };

  const connect = async () => {
    const client = new pg.Client({
      connectionString: url,
      application_name: name,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
    });
    client.on('error', drop);
    await client.connect();
    return client;
  };

  return {
    async ask(sql) {
      if (isClosed) throw new Error('Nothing is asked any more as this process ends');
      connection ??= connect();
      try {
        const client = await connection;
        return (await client.query(sql)).rows;
      } catch (error) {
        drop();
        throw error;
      }
    },
    close() {
      isClosed = true;
      drop();
    },
  };
}

// Asks the primary for the position of its log: fresh reads must have replayed it, and lag is measured by it.

export interface AskedPosition {
  position: WalPosition;
  /**
   * Monotonic milliseconds, before the question went out: everything committed until then lies at or before the
   * position.
   */
  askedAtMs: number;
}

export interface PrimaryLog {
  /** Undefined until the primary has answered once. It stays while the primary is away. */
  newest(): WalPosition | undefined;
  /** An answer whose question is at most `sharedMs` old. @throws where the primary does not answer. */
  ask(): Promise<AskedPosition>;
  /**
   * At most how many seconds of the log a server lacks that has replayed up to `lsn`; Infinity beyond what is
   * remembered.
   */
  lagSeconds(lsn: bigint): number;
}

interface Question {
  askedAtMs: number;
  answer: Promise<AskedPosition>;
  isOpen: boolean;
}

/**
 * Requests that begin so soon after a question may use its answer: `done` waits twice as long after it has raised
 * the floors.
 */
export const sharedMs = 25;
/** A primary that has just been found silent is not asked by every request. */
const knownSilentMs = 250;
const sampleEveryMs = 1_000;
/** Also the lag beyond which a replica is not read. */
const rememberedMs = 60_000;

export function createPrimaryLog(probe: Probe, clock: () => number = () => performance.now()): PrimaryLog {
  /** The oldest first, a second apart, all of one timeline. */
  let samples: AskedPosition[] = [];
  let last: AskedPosition | undefined;
  let current: Question | undefined;
  let next: Promise<AskedPosition> | undefined;
  let silent: { sinceMs: number; error: unknown } | undefined;

  const remember = (asked: AskedPosition) => {
    if (last !== undefined && last.position.timeline !== asked.position.timeline) samples = [];
    last = asked;
    const newest = samples.at(-1);
    if (newest !== undefined && asked.askedAtMs - newest.askedAtMs < sampleEveryMs) return;
    samples.push(asked);
    samples = samples.filter((sample) => asked.askedAtMs - sample.askedAtMs <= rememberedMs + sampleEveryMs);
  };

  const question = async (askedAtMs: number): Promise<AskedPosition> => {
    try {
      // The first failure may be of a connection that led to a server which has gone since.
      const rows = await probe.ask(writtenPositionSql).catch(() => probe.ask(writtenPositionSql));
      const asked = { position: parseWrittenPosition(rows), askedAtMs };
      remember(asked);
      silent = undefined;
      return asked;
    } catch (error) {
      silent = { sinceMs: clock(), error };
      throw error;
    }
  };

  const begin = (): Question => {
    const askedAtMs = clock();
    const answer = question(askedAtMs).finally(() => {
      begun.isOpen = false;
    });
    const begun: Question = { askedAtMs, answer, isOpen: true };
    current = begun;
    return begun;
  };

  return {
    newest: () => last?.position,
    async ask() {
      const nowMs = clock();
      if (silent !== undefined && nowMs - silent.sinceMs < knownSilentMs) throw silent.error;
      if (current !== undefined && nowMs - current.askedAtMs <= sharedMs) return current.answer;
      if (current?.isOpen !== true) return begin().answer;
      // One question at a time; who comes too late for it shares the next, which has not gone out yet.
      next ??= current.answer
        .catch(() => undefined)
        .then(() => {
          next = undefined;
          return begin().answer;
        });
      return next;
    },
    lagSeconds(lsn) {
      if (last === undefined || lsn >= last.position.lsn) return 0;
      const replayed = samples.findLast((sample) => sample.position.lsn <= lsn);
      return replayed === undefined
        ? Number.POSITIVE_INFINITY
        : (last.askedAtMs - replayed.askedAtMs) / 1_000;
    },
  };
}
