// What may be shown of a tagged answer: only at or above every floor, and only while the purger's word is recent.
import { hasTags, type TagVersions } from '../http/cache-tag.ts';
import { createFloors } from './floors.ts';

export interface Clock {
  /** Unix milliseconds. */
  wallMs(): number;
  /** Milliseconds that never go back. */
  monotonicMs(): number;
}

export interface Fence {
  /** Asked at each serving, never remembered: a paused process must not answer by an old yes. */
  maySend(tags: TagVersions, epoch: number): boolean;
  mayStore(tags: TagVersions, epoch: number): boolean;
  epoch(): number;
  raise(tags: TagVersions): void;
  /** @param t when the purger signed, unix milliseconds; the lease runs from then. @returns false where the clocks differ by more than a second. */
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
