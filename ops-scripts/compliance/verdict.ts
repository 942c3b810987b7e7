// Collects the result for one part: any failure is `fail`, else any unknown reason is `unknown`, else `pass`.

import type { ControlId, Finding } from './findings.ts';
import { attempt } from './unknown.ts';

export interface Failure {
  reason: string;
  /** Asked for once, of the one failure whose path is told: finding a way in may take long. */
  path?: () => string[];
  fix?: string;
}

export interface Verdict {
  fail(failure: Failure): void;
  unknown(reason: string): void;
  /** Does not change the status. */
  warn(text: string): void;
  /** The reason of a pass. */
  pass(text: string): void;
  /** Runs one piece of the judgement. What it can't know becomes an unknown reason, and the other pieces go on. */
  attempt(piece: () => void): void;
  conclude(control: ControlId, resource: string): Finding;
}

/** More reasons than this are counted, not listed. */
const reasonLimit = 8;

/** `calls` are the AWS calls that the judgement reads; the reason for an unreadable answer names them. */
export function openVerdict(calls: string[] = []): Verdict {
  const failures: Failure[] = [];
  const unknownReasons = new Set<string>();
  const warnings = new Set<string>();
  const passes = new Set<string>();
  return {
    fail: (failure) => void failures.push(failure),
    unknown: (reason) => void unknownReasons.add(reason),
    warn: (text) => void warnings.add(text),
    pass: (text) => void passes.add(text),
    attempt: (piece) =>
      void attempt(piece, (reason) => unknownReasons.add(reason), `an answer to one of ${calls.join(', ')}`),
    conclude(control, resource) {
      const base = { control, resource, warnings: [...warnings].sort() };
      if (failures.length > 0) {
        // A way in that can't be told for garbage on it leaves the failure as it is.
        const path = attempt(
          () => failures.find((failure) => failure.path !== undefined)?.path?.(),
          () => undefined,
        );
        const fixes = [...new Set(failures.flatMap(({ fix }) => fix ?? []))].sort();
        return {
          ...base,
          status: 'fail',
          reason: join(failures.map(({ reason }) => reason)),
          ...(path ? { path } : {}),
          ...(fixes.length > 0 ? { fix: fixes.join('\n') } : {}),
        };
      }
      if (unknownReasons.size > 0) return { ...base, status: 'unknown', reason: join(unknownReasons) };
      if (passes.size === 0) return { ...base, status: 'unknown', reason: 'nothing was evaluated' };
      return { ...base, status: 'pass', reason: join(passes) };
    },
  };
}

function join(reasons: Iterable<string>): string {
  const all = [...new Set(reasons)].sort();
  const more = all.length - reasonLimit;
  return all.slice(0, reasonLimit).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
