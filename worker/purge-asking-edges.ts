// Purges edges that ask for their floors by writing floors into the log.
// Then waits until every edge that holds a lease has raised them, or its lease has run out.
import type { Logger } from 'pino';
import { maxLeaseMs } from '../http/asked-floors.ts';
import type { TagVersions } from '../http/cache-tag.ts';
import { gather } from '../origin/concurrency/gather.ts';
import { type EdgeLease, forgetLeases, readLeases, recordFloors } from '../origin/edges/floor-log.ts';
import type { Lineage } from '../origin/invalidation/lineage-watch.ts';
import type { Db } from '../origin/schema.ts';
import { Outage } from './outage.ts';
import type { EdgePurger } from './purge-edges.ts';
import { every } from './timed-tasks.ts';

interface AskingEdgesOptions {
  db: Db;
  log: Logger;
  /** The longest lease that a restore may have removed from the database. */
  leaseSeconds: number;
  lineage: Pick<Lineage, 'onChange'>;
  /** Monotonic milliseconds. */
  clock?: () => number;
  lookEveryMs?: number;
}

/** A lease is measured by two monotonic clocks, which run at nearly the same speed. */
const driftMs = 500;
/** After a restore, every origin knows of it within this time and gives no more leases by the former database. */
const learnLineageMs = 1_000;
const mostAtOnce = 200;
const lookForGoneMs = 10_000;

/** Any worker may purge these edges, because the log and the leases are in Postgres. */
export function createAskingEdgesPurger(options: AskingEdgesOptions): EdgePurger {
  const { db, log, leaseSeconds, lineage, clock = () => performance.now() } = options;
  const leases = new LeaseWatch(db, clock, options.lookEveryMs ?? 20);
  // A restore just before this start may have removed leases from the database that edges still hold.
  const awaitUnknown = (learnMs: number) =>
    leases.awaitUntil(clock() + learnMs + leaseSeconds * 1_000 + driftMs);
  awaitUnknown(0);
  lineage.onChange(() => {
    awaitUnknown(learnLineageMs);
    leases.giveUp(new Outage('Cannot tell which edges hold a lease as the database was restored'));
  });
  const record = gather<TagVersions, number>(async (changes) => {
    const position = await recordFloors(db, mergeFloors(changes));
    return changes.map(() => position);
  }, mostAtOnce);

  const forgetting = every(lookForGoneMs, createForgetGone(db, clock), log, 'forget edges that are gone');

  return {
    maySend: () => true,
    edges: () => [],
    async purge(tags, signal, note) {
      if (Object.keys(tags).length === 0) return;
      const position = await record(tags);
      const silent = await leases.confirm(position, signal);
      if (silent === undefined) return;
      note?.(
        silent.length === 0
          ? 'every edge that asks confirmed'
          : `edges that ask are silent: ${silent.map(({ name }) => name).join(', ')}`,
      );
    },
    stop: () => forgetting.stop(),
  };
}

/** @returns how to forget leases that ran out while nothing changed. */
function createForgetGone(db: Db, clock: () => number): () => Promise<void> {
  let seen: EdgeLease[] = [];
  let seenAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (clock() - seenAtMs < maxLeaseMs + driftMs) return;
    await forgetLeases(db, seen);
    seen = await readLeases(db, Number.MAX_SAFE_INTEGER);
    seenAtMs = clock();
  };
}

function mergeFloors(changes: TagVersions[]): TagVersions {
  const merged: TagVersions = {};
  for (const tags of changes)
    for (const [tag, version] of Object.entries(tags)) merged[tag] = Math.max(version, merged[tag] ?? 0);
  return merged;
}

interface Waiter {
  position: number;
  /** The leases of edges behind it, first read after its floors were written. Later leases include these floors. */
  pending: Map<string, EdgeLease> | undefined;
  endsAtMs: number;
  /** @param silent undefined where no edge held a lease */
  resolve(silent: EdgeLease[] | undefined): void;
  reject(error: unknown): void;
}

/** Looks at the leases for all changes that wait. */
class LeaseWatch {
  readonly #db: Db;
  readonly #clock: () => number;
  readonly #lookEveryMs: number;
  readonly #waiters = new Set<Waiter>();
  #unknownUntilMs = Number.NEGATIVE_INFINITY;
  #looking = false;

  constructor(db: Db, clock: () => number, lookEveryMs: number) {
    this.#db = db;
    this.#clock = clock;
    this.#lookEveryMs = lookEveryMs;
  }

  awaitUntil(ms: number): void {
    this.#unknownUntilMs = Math.max(this.#unknownUntilMs, ms);
  }

  giveUp(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }

  /** @returns the edges whose leases ran out; undefined where none held one */
  async confirm(position: number, signal: AbortSignal): Promise<EdgeLease[] | undefined> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<EdgeLease[] | undefined>();
    const waiter: Waiter = { position, pending: undefined, endsAtMs: 0, resolve, reject };
    const abort = () => {
      this.#waiters.delete(waiter);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort);
    this.#waiters.add(waiter);
    if (!this.#looking) void this.#look();
    return promise.finally(() => signal.removeEventListener('abort', abort));
  }

  async #look(): Promise<void> {
    this.#looking = true;
    while (this.#waiters.size > 0) {
      // A waiter that arrives during the query needs the next one, which begins after its floors were written.
      const waiters = [...this.#waiters];
      const newest = Math.max(...waiters.map(({ position }) => position));
      try {
        const leases = await readLeases(this.#db, newest);
        // Read after the query, because every lease that it found was requested before this moment.
        const nowMs = this.#clock();
        for (const waiter of waiters) if (this.#waiters.has(waiter)) await this.#judge(waiter, leases, nowMs);
      } catch (error) {
        for (const waiter of waiters) if (this.#waiters.delete(waiter)) waiter.reject(error);
      }
      if (this.#waiters.size > 0) await new Promise((resolve) => setTimeout(resolve, this.#lookEveryMs));
    }
    this.#looking = false;
  }

  async #judge(waiter: Waiter, leases: EdgeLease[], nowMs: number): Promise<void> {
    const behind = new Map(
      leases.filter(({ position }) => position < waiter.position).map((lease) => [lease.edge, lease]),
    );
    if (waiter.pending === undefined) {
      waiter.pending = behind;
      // Measured from now and not from the write of the floors, because it also decides when to forget these leases.
      waiter.endsAtMs = nowMs + Math.max(0, ...[...behind.values()].map(({ leaseMs }) => leaseMs)) + driftMs;
    }
    const waiting = [...waiter.pending.values()].filter(({ edge }) => behind.has(edge));
    const isOver = waiting.length === 0 || nowMs >= waiter.endsAtMs;
    if (!isOver || nowMs < this.#unknownUntilMs) return;
    // An edge that asked meanwhile keeps its new lease, which includes these floors.
    await forgetLeases(this.#db, waiting);
    if (!this.#waiters.delete(waiter)) return;
    waiter.resolve(waiter.pending.size === 0 ? undefined : waiting);
  }
}
