// Decides by floors whether a tagged answer is current: every tag at or above its floor, and the lease not ended.
import { hasTags, type TagVersions } from '../http/cache-tag.ts';

export interface FenceClock {
  /** Unix milliseconds. */
  wallMs(): number;
  /** Milliseconds that never go back. */
  monotonicMs(): number;
}

export interface Fence {
  /** Called at each serving; its result is never stored. A paused process must not serve by an old result. */
  maySend(tags: TagVersions, epoch: number): boolean;
  mayStore(tags: TagVersions, epoch: number): boolean;
  epoch(): number;
  raise(tags: TagVersions): void;
  /** Names the lineage of the purges that follow. At another one, nothing that has tags may be served any longer. */
  enter(lineage: string): void;
  /** Nothing that has tags and was fetched before may be served any longer. */
  forget(): void;
  /**
   * The lease starts when the purge was signed.
   * @param t in unix milliseconds
   * @param sinceMs the same moment by this edge's own monotonic clock, where the signer knows it: then no clock that is
   * set matters
   * @returns false where the clocks differ by more than a second, or the lease would be over already
   */
  renew(t: number, sinceMs?: number): boolean;
  /** Milliseconds, 0 where no lease runs. */
  leaseLeftMs(): number;
}

const maxClockSkewMs = 1_000;

export function createFence(leaseMs: number, clock: FenceClock, floors = createFloors()): Fence {
  let wallUntil = 0;
  let monotonicUntil = 0;
  let present: string | undefined;
  // Both clocks: the wall clock may be set, the monotonic one stands still while the machine sleeps.
  const leaseLeftMs = () =>
    Math.max(0, Math.min(wallUntil - clock.wallMs(), monotonicUntil - clock.monotonicMs()));
  return {
    maySend: (tags, epoch) => !hasTags(tags) || (leaseLeftMs() > 0 && floors.allow(tags, epoch)),
    mayStore: (tags, epoch) => !hasTags(tags) || floors.allow(tags, epoch),
    epoch: floors.epoch,
    raise(tags) {
      for (const tag in tags) floors.raise(tag, tags[tag]!);
    },
    enter(lineage) {
      if (lineage !== present) floors.forget();
      present = lineage;
    },
    forget: floors.forget,
    renew(t, sinceMs) {
      const [wallMs, monotonicMs] = [clock.wallMs(), clock.monotonicMs()];
      const ageMs = sinceMs === undefined ? wallMs - t : monotonicMs - sinceMs;
      const isOff = sinceMs === undefined ? Math.abs(ageMs) > maxClockSkewMs : ageMs < 0 || ageMs > leaseMs;
      if (isOff) return false;
      monotonicUntil = Math.max(monotonicUntil, monotonicMs + leaseMs - ageMs);
      // Anew each time: a wall clock that was set back or forth must not hold up what follows.
      wallUntil = wallMs + (monotonicUntil - monotonicMs);
      return true;
    },
    leaseLeftMs,
  };
}

/** The floors of an edge: of each tag the lowest version that may still be served. */
interface Floors {
  /** A floor only goes up: the same raise again, or an older one later, changes nothing. */
  raise(tag: string, version: number): void;
  /** Whether each tag is at or above its floor. @param epoch the floors' epoch when the fetch began. */
  allow(tags: TagVersions, epoch: number): boolean;
  /**
   * How often the floors were forgotten, as they outgrew their bound or are of another lineage. What was fetched before
   * may not be served any more.
   */
  epoch(): number;
  forget(): void;
}

export function createFloors(maxTags = 1_000_000): Floors {
  const floors = new Map<string, number>();
  let epoch = 0;
  const forget = () => {
    floors.clear();
    epoch++;
  };
  return {
    forget,
    raise(tag, version) {
      if (floors.size >= maxTags && !floors.has(tag)) forget();
      const floor = floors.get(tag);
      if (floor === undefined || floor < version) floors.set(tag, version);
    },
    allow(tags, since) {
      if (since !== epoch) return false;
      for (const tag in tags) if (tags[tag]! < (floors.get(tag) ?? 0)) return false;
      return true;
    },
    epoch: () => epoch,
  };
}
