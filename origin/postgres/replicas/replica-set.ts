// All replicas, measured each second. A read tries one after the other until one answers.

import { Counter, Gauge, type Registry } from 'prom-client';
import { SemaphoreFullError } from '../../concurrency/semaphore.ts';
import { Refusal } from '../../errors.ts';
import { isPostgresAway, isTooSlow } from '../postgres-errors.ts';
import { BehindError, type Replica, type ReplicaRead } from './replica.ts';
import type { PrimaryLog, WalPosition } from './wal-position.ts';

/** Wraps an answer, because the answer itself may be undefined. */
export interface ReplicaAnswer<T> {
  value: T;
}

interface ReplicaSet {
  /**
   * Reads from a fit replica that is past `wanted`. Undefined where there is none.
   * @throws only errors that refuse the read itself
   */
  read<T>(read: ReplicaRead<T>, wanted?: WalPosition): Promise<ReplicaAnswer<T> | undefined>;
  /** Reads from any replica that answers, however far behind, for times when the primary is unreachable. */
  readHoweverOld<T>(read: ReplicaRead<T>): Promise<ReplicaAnswer<T> | undefined>;
  measured(): MeasuredReplica[];
  /** Begins to measure, unless a read has done so. Resolves once each replica was asked; never throws. */
  measuredOnce(): Promise<void>;
  close(): Promise<void>;
}

interface ReplicaSetOptions {
  replicas: Replica[];
  primary: PrimaryLog;
  metrics: () => ReadMetrics;
  onError: (error: Error) => void;
  /** Lineage of the primary; undefined while it is unknown. */
  lineage?: () => string | undefined;
}

const measureEveryMs = 1_000;
/** After this time no further replica is tried. */
const tryingMs = 2_000;

/** Measures from the first read or call of `measuredOnce` on, so that a process without either asks no server. */
export function createReplicaSet(options: ReplicaSetOptions): ReplicaSet {
  const { replicas, primary, metrics, onError, lineage = () => undefined } = options;
  const isFit = (replica: Replica) =>
    whyUnfit(replica, primary) === undefined && isOfLineage(replica, lineage());
  let firstMeasure: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const measureRegularly = async () => {
    // The primary is asked first. Log that it writes later does not count as lag.
    await primary.ask().catch(onError);
    await Promise.all(replicas.map((replica) => replica.measure()));
    if (isClosed) return;
    timer = setTimeout(measureRegularly, measureEveryMs);
    timer.unref();
  };
  const measuredOnce = () => {
    firstMeasure ??= measureRegularly();
    return firstMeasure;
  };

  /** @returns undefined where another server should be asked; a refusal is thrown, because it is an answer */
  const attempt = async <T>(replica: Replica, read: ReplicaRead<T>, wanted?: WalPosition) => {
    try {
      const value = await replica.run(read, wanted);
      metrics().answered(replica.name);
      return { value };
    } catch (error) {
      if (error instanceof Refusal) throw error;
      const reason = reasonOf(error);
      metrics().fellBack(reason);
      // A slow read alone does not exclude a replica. It is measured, and excluded if it does not answer that.
      if (reason === 'failed' && isTooSlow(error)) void replica.measure();
      else if (reason === 'failed' && isPostgresAway(error)) replica.suspect();
      return undefined;
    }
  };

  return {
    async read(read, wanted) {
      if (replicas.length === 0) return undefined;
      await measuredOnce();
      const deadlineMs = performance.now() + tryingMs;
      const tried = new Set<Replica>();
      while (performance.now() < deadlineMs) {
        const fit = replicas.filter((each) => !tried.has(each) && isFit(each));
        const replica = leastLoaded(fit);
        if (replica === undefined) break;
        tried.add(replica);
        const found = await attempt(replica, read, wanted);
        if (found !== undefined) return found;
      }
      if (tried.size === 0) metrics().fellBack('none fit');
      return undefined;
    },
    async readHoweverOld(read) {
      await measuredOnce();
      const deadlineMs = performance.now() + tryingMs;
      for (const replica of furthestFirst(replicas)) {
        if (!isOfLineage(replica, lineage())) continue;
        if (performance.now() >= deadlineMs) break;
        const found = await attempt(replica, read);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    measured: () =>
      replicas.map((replica) => ({
        name: replica.name,
        isFit: isFit(replica),
        lagSeconds:
          replica.replayed === undefined
            ? Number.POSITIVE_INFINITY
            : primary.lagSeconds(replica.replayed.lsn),
      })),
    measuredOnce,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await Promise.all(replicas.map((replica) => replica.close()));
    },
  };
}

function reasonOf(error: unknown): Fallback {
  if (error instanceof BehindError) return 'behind';
  return error instanceof SemaphoreFullError ? 'busy' : 'failed';
}

/**
 * Reasons not to read a replica: it does not answer, is no replica, follows another timeline, or lags over a minute.
 */
type Unfitness = 'silent' | 'promoted' | 'other timeline' | 'lagging';

type Measured = Pick<Replica, 'replayed' | 'followedTimeline'>;

const mostLagSeconds = 60;

/** @returns undefined where it may answer reads of people who have not written lately */
export function whyUnfit(
  { replayed, followedTimeline }: Measured,
  primary: Pick<PrimaryLog, 'newest' | 'lagSeconds'>,
): Unfitness | undefined {
  if (replayed === undefined) return 'silent';
  if (!replayed.isReplica) return 'promoted';
  const newest = primary.newest();
  // While the primary has never answered there is nothing to compare with, so every replica is fit.
  if (newest === undefined) return undefined;
  if (followedTimeline !== newest.timeline) return 'other timeline';
  return primary.lagSeconds(replayed.lsn) > mostLagSeconds ? 'lagging' : undefined;
}

/**
 * A replica of another lineage may show rows that a restore removed. It is excluded until it follows the restored
 * primary.
 */
function isOfLineage({ replayed }: Measured, lineage: string | undefined): boolean {
  return lineage === undefined || replayed?.lineage === undefined || replayed.lineage === lineage;
}

/** Chooses the least loaded. Among equals it is the first after a random one, so that none is preferred. */
export function leastLoaded<T extends Pick<Replica, 'inFlight'>>(
  candidates: T[],
  random: () => number = Math.random,
): T | undefined {
  const start = Math.floor(random() * candidates.length);
  const turned = [...candidates.slice(start), ...candidates.slice(0, start)];
  return turned.reduce<T | undefined>(
    (best, candidate) => (best === undefined || candidate.inFlight < best.inFlight ? candidate : best),
    undefined,
  );
}

/** Orders replicas for an outage of the primary: the furthest first, those that were just silent last. */
export function furthestFirst<T extends Measured>(replicas: T[]): T[] {
  const lsnOf = (replica: T) => replica.replayed?.lsn ?? -1n;
  return replicas
    .filter(({ replayed }) => replayed?.isReplica !== false)
    .sort((a, b) => (lsnOf(a) < lsnOf(b) ? 1 : -1));
}

// Metrics of reads: which server answered, why it was not a replica, and the lag of each replica.

const fallbacks = ['none fit', 'behind', 'below floor', 'busy', 'failed'] as const;
type Fallback = (typeof fallbacks)[number];

export interface ReadMetrics {
  answered(source: string): void;
  fellBack(reason: Fallback): void;
}

interface MeasuredReplica {
  name: string;
  isFit: boolean;
  /** Infinity where it is unknown. */
  lagSeconds: number;
}

/** @param measuredOnce awaited before figures are told: a replica that nobody has asked yet is not infinitely late */
export function createReadMetrics(
  registry: Registry,
  measured: () => MeasuredReplica[],
  measuredOnce: () => Promise<void> = async () => undefined,
): ReadMetrics {
  const registers = [registry];
  const answered = new Counter({
    name: 'reads_total',
    help: 'Reads of the catalog and of own orders and accounts, by the server that answered',
    labelNames: ['source'],
    registers,
  });
  const fellBack = new Counter({
    name: 'read_fallbacks_total',
    help: 'Reads that went on to another server, by what kept the replica from answering',
    labelNames: ['reason'],
    registers,
  });
  new Gauge({
    name: 'replica_lag_seconds',
    help: 'At most how much of the primary’s log a replica lacks; +Inf where that is unknown',
    labelNames: ['replica'],
    registers,
    async collect() {
      await measuredOnce();
      for (const { name, lagSeconds } of measured()) this.set({ replica: name }, lagSeconds);
    },
  });
  new Gauge({
    name: 'replica_fit',
    help: '1 while a replica is read',
    labelNames: ['replica'],
    registers,
    async collect() {
      await measuredOnce();
      for (const { name, isFit } of measured()) this.set({ replica: name }, isFit ? 1 : 0);
    },
  });
  // Counters start at zero, because a rate cannot show the first step of a counter that appears later.
  for (const source of ['primary', ...measured().map(({ name }) => name)]) answered.inc({ source }, 0);
  for (const reason of fallbacks) fellBack.inc({ reason }, 0);
  return {
    answered: (source) => answered.inc({ source }),
    fellBack: (reason) => fellBack.inc({ reason }),
  };
}
