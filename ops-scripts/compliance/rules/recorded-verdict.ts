// Records the verdict on one of several ways, of which only one need be open, and replays the best.
import { attempt } from '../unknown.ts';
import type { Failure, Verdict } from '../verdict.ts';

export interface RecordedVerdict {
  failures: Failure[];
  unknownReasons: string[];
  warnings: string[];
  passes: string[];
}

export function recordVerdict(judge: (verdict: Verdict) => void): RecordedVerdict {
  const record: RecordedVerdict = { failures: [], unknownReasons: [], warnings: [], passes: [] };
  const verdict: Verdict = {
    fail: (failure) => void record.failures.push(failure),
    unknown: (reason) => void record.unknownReasons.push(reason),
    warn: (text) => void record.warnings.push(text),
    pass: (text) => void record.passes.push(text),
    attempt: (piece) => void attempt(piece, verdict.unknown),
    conclude: () => {
      throw new Error(
        'Cannot conclude a recorded verdict, as only the verdict that it is replayed on is reported',
      );
    },
  };
  verdict.attempt(() => judge(verdict));
  return record;
}

export function isOpen({ failures, unknownReasons }: RecordedVerdict): boolean {
  return failures.length + unknownReasons.length === 0;
}

/** The first that is open, else the first that may be, else the first; undefined of none. */
export function bestOf(recorded: RecordedVerdict[]): RecordedVerdict | undefined {
  return recorded.find(isOpen) ?? recorded.find(({ failures }) => failures.length === 0) ?? recorded[0];
}

/** Repeats on `verdict` what was recorded. */
export function replay(
  { failures, unknownReasons, warnings, passes }: RecordedVerdict,
  verdict: Verdict,
): void {
  failures.forEach(verdict.fail);
  unknownReasons.forEach(verdict.unknown);
  warnings.forEach(verdict.warn);
  passes.forEach(verdict.pass);
}
