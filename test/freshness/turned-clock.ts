// A monotonic clock that plays turn, and how an origin reads it that pauses now and then, as a stopped process does.
import type { PlantedBug } from './planted-bugs.ts';

export interface TurnedClock {
  now(): number;
  ofOrigin(): number;
  /** Time passes while all run. */
  pass(ms: number): void;
  /** Time passes that a paused origin does not notice. */
  passUnseen(ms: number): void;
  standStill(): void;
}

const startMs = 1_000_000;

export function createClock(bug: PlantedBug | undefined): TurnedClock {
  let now = startMs;
  let readBeforePause: number | undefined;
  return {
    now: () => now,
    ofOrigin: () =>
      bug === "the clock of an origin's memory is read before the pause" ? (readBeforePause ?? now) : now,
    pass(ms) {
      now += ms;
      readBeforePause = undefined;
    },
    passUnseen(ms) {
      now += ms;
    },
    standStill() {
      readBeforePause = now;
    },
  };
}
