// Asks the primary for its position in the write-ahead log before a fresh read, and replicas for theirs.
// Separate connections keep these questions from waiting behind reads.
import pg from 'pg';

/**
 * A position in the write-ahead log. A promotion starts a new timeline, and positions of two timelines cannot be
 * compared.
 */
export interface WalPosition {
  timeline: number;
  /** Bytes since the log began; `timeline/LSN` shows them in hexadecimal. */
  lsn: bigint;
}

/** The state of a server that replays another server's log. */
export interface ReplayedPosition {
  lsn: bigint;
  /** Undefined while it streams from no server; what it replays then may be of any timeline. */
  streamedTimeline: number | undefined;
  /** False after a promotion. */
  isReplica: boolean;
  /** Lineage of the database that it shows. */
  lineage?: string | undefined;
}

/** The name of a log file shows the timeline at once; the control file shows it only after the next checkpoint. */
export const writtenPositionSql = `
  select substr(pg_walfile_name(lsn), 1, 8) as timeline, pg_wal_lsn_diff(lsn, '0/0')::text as lsn
  from pg_current_wal_lsn() as lsn`;

/** Needs `pg_read_all_stats`; without it the server counts as one that streams from no server. */
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

/** Whether a server at `replayed` shows every commit up to `wanted`. */
export function isPast(replayed: ReplayedPosition, wanted: WalPosition): boolean {
  return replayed.streamedTimeline === wanted.timeline && replayed.lsn >= wanted.lsn;
}

/** Options of a connection for small questions only, so that these never wait behind reads. */
interface ProbeOptions {
  url: string;
  /** Shown in pg_stat_activity. */
  name: string;
  /** Timeout of connecting and of each answer. */
  timeoutMs: number;
}

export interface Probe {
  /** @throws where the server does not answer in time; a new connection is then opened for the next question */
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

// Asks the primary for its log position: replicas must have replayed it for a fresh read, and lag is measured by it.

export interface AskedPosition {
  position: WalPosition;
  /** When the question was sent, in monotonic milliseconds. Every commit until then lies at or before the position. */
  askedAtMs: number;
}

export interface PrimaryLog {
  /** Undefined until the primary has answered once. Stays during an outage of the primary. */
  newest(): WalPosition | undefined;
  /** Returns an answer whose question is at most `sharedMs` old. @throws where the primary does not answer */
  ask(): Promise<AskedPosition>;
  /** Upper bound of the log, in seconds, that a server at `lsn` lacks; Infinity beyond the remembered minute. */
  lagSeconds(lsn: bigint): number;
}

interface Question {
  askedAtMs: number;
  answer: Promise<AskedPosition>;
  isOpen: boolean;
}

/**
 * Requests within this time after a question share its answer. `done` of an invalidation waits twice as long after
 * the floors are raised.
 */
export const sharedMs = 25;
/** Not every request asks a primary that was just found silent. */
const knownSilentMs = 250;
const sampleEveryMs = 1_000;
/** How long samples are kept; also the lag beyond which a replica is not read. */
const rememberedMs = 60_000;

export function createPrimaryLog(probe: Probe, clock: () => number = () => performance.now()): PrimaryLog {
  /** Samples a second apart, oldest first, all of one timeline. */
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
      // A first failure may come from a stale connection to a server that is gone, so it is tried again.
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
      // One question runs at a time. Later requests share the next one, which has not been sent yet.
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
