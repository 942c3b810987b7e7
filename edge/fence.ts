// Decides whether a tagged answer may be served: every tag at or above its floor, and the lease of the last signed
// purge running.
import { hasTags, type TagVersions } from '../http/cache-tag.ts';
import { createFloors } from './floors.ts';

export interface Clock {
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
  /**
   * @param t when the purge was signed, in unix milliseconds; the lease starts then.
   * @returns false where the clocks differ by more than a second.
   */
  renew(t: number): boolean;
  /** Milliseconds, 0 where no lease runs. */
  leaseLeftMs(): number;
}

const maxClockSkewMs = 1_000;

export function createFence(leaseMs: number, clock: Clock, floors = createFloors()): Fence {
  let wallUntil = 0;
  let monotonicUntil = 0;
  // Both clocks: the wall clock may be set back, the monotonic one stands still while the machine sleeps.
  const leaseLeftMs = () =>
    Math.max(0, Math.min(wallUntil - clock.wallMs(), monotonicUntil - clock.monotonicMs()));
  return {
    maySend: (tags, epoch) => !hasTags(tags) || (leaseLeftMs() > 0 && floors.allow(tags, epoch)),
    mayStore: (tags, epoch) => !hasTags(tags) || floors.allow(tags, epoch),
    epoch: floors.epoch,
    raise(tags) {
      for (const tag in tags) floors.raise(tag, tags[tag]!);
    },
    renew(t) {
      const now = clock.wallMs();
      if (Math.abs(now - t) > maxClockSkewMs) return false;
      if (t + leaseMs > wallUntil) {
        wallUntil = t + leaseMs;
        monotonicUntil = clock.monotonicMs() + (wallUntil - now);
      }
      return true;
    },
    leaseLeftMs,
  };
}
