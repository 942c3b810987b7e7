// All replicas, measured each second. A read chooses one, and tries one after the other until one answers.

import { Counter, Gauge, type Registry } from 'prom-client';
import { SemaphoreFullError } from '../../concurrency/semaphore.ts';
import { Refusal } from '../../errors.ts';
import { isPostgresAway, isTooSlow } from '../postgres-errors.ts';
import { BehindError, type Replica, type ReplicaRead } from './replica.ts';
import type { PrimaryLog, WalPosition } from './wal-position.ts';

/** An answer, which may itself be undefined. */
export interface ReplicaAnswer<T> {
  value: T;
}

interface ReplicaSet {
  /**
   * From one that is fit and past `wanted`. Undefined where there is none.
   * @throws only what refuses the read itself
   */
  read<T>(read: ReplicaRead<T>, wanted?: WalPosition): Promise<ReplicaAnswer<T> | undefined>;
  /** From any that answers, however far behind: only while nobody can say what is true now. */
  readHoweverOld<T>(read: ReplicaRead<T>): Promise<ReplicaAnswer<T> | undefined>;
  measured(): MeasuredReplica[];
  /** Begins to measure, unless a read has. Resolves once each replica was asked; never throws. */
  measuredOnce(): Promise<void>;
  close(): Promise<void>;
}

interface ReplicaSetOptions {
  replicas: Replica[];
  primary: PrimaryLog;
  metrics: () => ReadMetrics;
  onError: (error: Error) => void;
  /** Of the database as the primary has it; undefined while that is not known. */
  lineage?: () => string | undefined;
}

const measureEveryMs = 1_000;
/** Then no further replica is tried. */
const tryingMs = 2_000;

/**
 * Measuring begins with the first read, or when somebody wants the figures: a process that does neither asks nobody.
 */
export function createReplicaSet(options: ReplicaSetOptions): ReplicaSet {
  const { replicas, primary, metrics, onError, lineage = () => undefined } = options;
  const isFit = (replica: Replica) =>
    whyUnfit(replica, primary) === undefined && isOfLineage(replica, lineage());
  let firstMeasure: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const measureRegularly = async () => {
    // The primary first: what it writes after that is no lag.
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

  /** @returns undefined where another server should be asked: anything but a refusal, which is an answer. */
  const attempt = async <T>(replica: Replica, read: ReplicaRead<T>, wanted?: WalPosition) => {
    try {
      const value = await replica.run(read, wanted);
      metrics().answered(replica.name);
      return { value };
    } catch (error) {
      if (error instanceof Refusal) throw error;
      const reason = reasonOf(error);
      metrics().fellBack(reason);
      // Slow reads say little of the server: only what it says of itself takes it out.
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
 * Chooses the replica for a read: it answers, follows the present primary, lags at most a minute, and has the
 * least to do.
 */
type Unfitness = 'silent' | 'promoted' | 'other timeline' | 'lagging';

type Measured = Pick<Replica, 'replayed' | 'followedTimeline'>;

const mostLagSeconds = 60;

/** @returns undefined where it may answer those who have written nothing of late. */
export function whyUnfit(
  { replayed, followedTimeline }: Measured,
  primary: Pick<PrimaryLog, 'newest' | 'lagSeconds'>,
): Unfitness | undefined {
  if (replayed === undefined) return 'silent';
  if (!replayed.isReplica) return 'promoted';
  const newest = primary.newest();
  // A primary that has never answered cannot be compared with: its replicas are taken as they are.
  if (newest === undefined) return undefined;
  if (followedTimeline !== newest.timeline) return 'other timeline';
  return primary.lagSeconds(replayed.lsn) > mostLagSeconds ? 'lagging' : undefined;
}

/** A replica of another lineage may hold what a restore took away. It is left out until it follows the restored one. */
function isOfLineage({ replayed }: Measured, lineage: string | undefined): boolean {
  return lineage === undefined || replayed?.lineage === undefined || replayed.lineage === lineage;
}

/** The least loaded; among equals the first after a random one, so that none is favoured. */
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

/** When nobody can say what is true now: the furthest first, and last those that have just been silent. */
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
  /** Infinity where it is not known. */
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
  // A counter that nobody has seen at zero hides its first step from whoever watches its rate.
  for (const source of ['primary', ...measured().map(({ name }) => name)]) answered.inc({ source }, 0);
  for (const reason of fallbacks) fellBack.inc({ reason }, 0);
  return {
    answered: (source) => answered.inc({ source }),
    fellBack: (reason) => fellBack.inc({ reason }),
  };
}
