// The purge channel to one edge. Only a purge that carries all pending purges may renew the edge's lease.
import type { TagVersions } from '../http/cache-tag.ts';
import { Outage } from './outage.ts';

export interface PurgeChannelOptions {
  url: string;
  leaseMs: number;
  /**
   * Sends one signed purge, dated `t` in milliseconds since 1970; rejects unless the edge answered 200.
   * @param renews whether it may renew the edge's lease
   */
  send: (url: string, tags: TagVersions, t: number, renews: boolean) => Promise<void>;
  /** Pending purges that an earlier holder of the channel left. */
  pending: TagVersions;
  /**
   * Stores the pending purges when the edge is given up as silent. Rejects where another worker may hold the channel.
   */
  storePending: (tags: TagVersions) => Promise<void>;
  clearPending: (tags: TagVersions) => Promise<void>;
  clock?: Clock;
}

/**
 * Signatures use the wall clock, which edges can compare but which can be set. Silence is measured by the monotonic
 * one.
 */
export interface Clock {
  /** Milliseconds since 1970, for signatures only. */
  wallMs: () => number;
  monotonicMs: () => number;
}

export interface PurgeChannel {
  /**
   * Resolves when the edge has confirmed, or counts as silent because its lease has run out.
   * @throws Outage where the channel was closed before
   */
  purge(tags: TagVersions, signal: AbortSignal): Promise<'confirmed' | 'silent'>;
  state(): EdgeState;
  close(): void;
}

export interface EdgeState {
  url: string;
  /** Number of tags that the edge has not confirmed. */
  pending: number;
  /** Time since its last confirmation on this channel; null before the first. */
  confirmedAgoMs: number | null;
}

const processClock: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
const renewMs = 1_000;
const retryMs = 100;
/** Bound of one purge, in characters: its tags, and for each tag the version and JSON's punctuation. */
const mostLength = 1_000_000;
const lengthOfVersion = 16;
/**
 * Age of a purge that must not renew. An edge accepts purges of the last minute, but renews only by those of the last
 * second.
 */
const pastRenewalMs = 10_000;
/** An edge refuses renewals if its clock is off by more than a second. Two seconds cover both directions. */
const clockMs = 2_000;

export function openPurgeChannel(options: PurgeChannelOptions): PurgeChannel {
  const channel = new Channel(options);
  void channel.run();
  return channel;
}

class Channel implements PurgeChannel {
  readonly #options: PurgeChannelOptions;
  readonly #clock: Clock;
  readonly #unconfirmed: Map<string, number>;
  /** Called with each purge that the edge has confirmed, and when the channel is closed. */
  readonly #waiters = new Set<(confirmed: TagVersions) => void>();
  #hasStoredPending: boolean;
  #lastSentAt: number;
  #confirmedAt: number | undefined;
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(options: PurgeChannelOptions) {
    this.#options = options;
    this.#clock = options.clock ?? processClock;
    this.#unconfirmed = new Map(Object.entries(options.pending));
    this.#hasStoredPending = this.#unconfirmed.size > 0;
    this.#lastSentAt = this.#clock.monotonicMs();
  }

  /** Sends pending purges, or renews the lease once a second, until the channel is closed. */
  async run(): Promise<void> {
    while (!this.#closed) {
      const confirmed = await this.#sendOnce();
      if (this.#closed) return;
      if (!confirmed) await this.#pause(retryMs);
      else if (this.#unconfirmed.size === 0) await this.#pause(renewMs);
    }
  }

  async purge(tags: TagVersions, signal: AbortSignal): Promise<'confirmed' | 'silent'> {
    // Only purges before this moment lack these tags. The lease that they renewed ends one lease after the last of
    // them.
    const silentAt = this.#lastSentAt + this.#options.leaseMs + clockMs;
    for (const [tag, version] of Object.entries(tags)) {
      this.#unconfirmed.set(tag, Math.max(version, this.#unconfirmed.get(tag) ?? 0));
    }
    this.#wake();
    if (await this.#isConfirmed(tags, silentAt, signal)) return 'confirmed';
    this.#hasStoredPending = true;
    await this.#options.storePending(tags);
    // Another channel to this edge may have read the stored purges before these were added.
    if (this.#closed) throw closedTooSoon();
    return 'silent';
  }

  state(): EdgeState {
    return {
      url: this.#options.url,
      pending: this.#unconfirmed.size,
      confirmedAgoMs: this.#confirmedAt === undefined ? null : this.#clock.monotonicMs() - this.#confirmedAt,
    };
  }

  close(): void {
    this.#closed = true;
    this.#wake();
    for (const tell of this.#waiters) tell({});
  }

  async #sendOnce(): Promise<boolean> {
    const { url, send } = this.#options;
    const tags = takeBatch(this.#unconfirmed);
    const isWhole = Object.keys(tags).length === this.#unconfirmed.size;
    // Read before the monotonic clock, so that a pause in between ends the edge's lease earlier, never later.
    const t = this.#clock.wallMs();
    if (isWhole) this.#lastSentAt = this.#clock.monotonicMs();
    try {
      // A purge without all pending tags must not renew the edge's lease. `renews` says so; an edge of the previous
      // release sees it by the old date.
      await send(url, tags, isWhole ? t : t - pastRenewalMs, isWhole);
    } catch {
      return false;
    }
    this.#confirmedAt = this.#clock.monotonicMs();
    for (const [tag, version] of Object.entries(tags)) {
      if ((this.#unconfirmed.get(tag) ?? 0) <= version) this.#unconfirmed.delete(tag);
    }
    if (this.#hasStoredPending)
      await this.#options.clearPending(tags).then(
        () => {
          this.#hasStoredPending = !isWhole;
        },
        () => undefined,
      );
    for (const tell of this.#waiters) tell(tags);
    return true;
  }

  /** Resolves with false at `silentAt`. */
  #isConfirmed(tags: TagVersions, silentAt: number, signal: AbortSignal): Promise<boolean> {
    // Only a confirmed purge with at least these versions counts. Other confirmations do not show that the edge has
    // these.
    const waitingFor = new Map(Object.entries(tags));
    return new Promise<boolean>((resolve, reject) => {
      const finish = (end: () => void) => {
        clearTimeout(timer);
        this.#waiters.delete(tell);
        signal.removeEventListener('abort', abort);
        end();
      };
      const tell = (purged: TagVersions) => {
        if (this.#closed) return finish(() => reject(closedTooSoon()));
        for (const [tag, version] of waitingFor) if ((purged[tag] ?? -1) >= version) waitingFor.delete(tag);
        if (waitingFor.size === 0) finish(() => resolve(true));
      };
      const abort = () => finish(() => reject(signal.reason));
      const leftMs = Math.max(0, silentAt - this.#clock.monotonicMs());
      const timer = setTimeout(() => finish(() => resolve(false)), leftMs);
      this.#waiters.add(tell);
      signal.addEventListener('abort', abort);
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** An edge reads at most 4 MB at a time, and more may be pending after a long silence. */
function takeBatch(unconfirmed: Map<string, number>): TagVersions {
  const part: TagVersions = {};
  let length = 0;
  for (const [tag, version] of unconfirmed) {
    length += tag.length + lengthOfVersion;
    if (length > mostLength) break;
    part[tag] = version;
  }
  return part;
}

function closedTooSoon(): Outage {
  return new Outage('Cannot tell whether an edge is silent as the purge channel to it was closed');
}
