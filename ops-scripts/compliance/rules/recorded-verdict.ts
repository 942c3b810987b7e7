// A judgement tried out before it counts: of several ways only one need be open.
import { attempt } from '../doubt.ts';
import type { Failure, Verdict } from '../verdict.ts';

export interface Trial {
  failures: Failure[];
  doubts: string[];
  warnings: string[];
  holds: string[];
}

export function tryOut(judge: (verdict: Verdict) => void): Trial {
  const trial: Trial = { failures: [], doubts: [], warnings: [], holds: [] };
  const verdict: Verdict = {
    fail: (failure) => void trial.failures.push(failure),
    doubt: (reason) => void trial.doubts.push(reason),
    warn: (text) => void trial.warnings.push(text),
    hold: (text) => void trial.holds.push(text),
    attempt: (piece) => void attempt(piece, verdict.doubt),
    conclude: () => {
      throw new Error('Cannot conclude a trial, as only the verdict that it is replayed on is told');
    },
  };
  verdict.attempt(() => judge(verdict));
  return trial;
}

export function isOpen({ failures, doubts }: Trial): boolean {
  return failures.length + doubts.length === 0;
}

/** The first that is open, else the first that may be, else the first; undefined of none. */
export function bestOf(trials: Trial[]): Trial | undefined {
  return trials.find(isOpen) ?? trials.find(({ failures }) => failures.length === 0) ?? trials[0];
}

/** Says on the verdict what the trial found. */
export function replay({ failures, doubts, warnings, holds }: Trial, verdict: Verdict): void {
  failures.forEach(verdict.fail);
  doubts.forEach(verdict.doubt);
  warnings.forEach(verdict.warn);
  holds.forEach(verdict.hold);
}
