// Gathers what speaks for and against one part: any failure is `fail`, else any doubt is `unknown`, else `pass`.

import type { ControlId } from './control-ids.ts';
import { attempt } from './doubt.ts';
import type { Finding } from './findings.ts';

export interface Failure {
  reason: string;
  /** Asked for once, of the one failure whose path is told: finding a way in may take long. */
  path?: () => string[];
  fix?: string;
}

export interface Verdict {
  fail(failure: Failure): void;
  doubt(reason: string): void;
  /** Does not change the status. */
  warn(text: string): void;
  /** What holds; the reason of a pass. */
  hold(text: string): void;
  /** Runs one piece of the judgement; what it can't know becomes a doubt and the other pieces go on. */
  attempt(piece: () => void): void;
  conclude(control: ControlId, resource: string): Finding;
}

/** More reasons than this are counted, not listed. */
const reasonLimit = 8;

/** `calls` are those that the judgement rests on, for a doubt about an answer that can't be read. */
export function openVerdict(calls: string[] = []): Verdict {
  const failures: Failure[] = [];
  const doubts = new Set<string>();
  const warnings = new Set<string>();
  const holds = new Set<string>();
  return {
    fail: (failure) => void failures.push(failure),
    doubt: (reason) => void doubts.add(reason),
    warn: (text) => void warnings.add(text),
    hold: (text) => void holds.add(text),
    attempt: (piece) =>
      void attempt(piece, (reason) => doubts.add(reason), `an answer to one of ${calls.join(', ')}`),
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
      if (doubts.size > 0) return { ...base, status: 'unknown', reason: join(doubts) };
      if (holds.size === 0) return { ...base, status: 'unknown', reason: 'nothing was evaluated' };
      return { ...base, status: 'pass', reason: join(holds) };
    },
  };
}

function join(reasons: Iterable<string>): string {
  const all = [...new Set(reasons)].sort();
  const more = all.length - reasonLimit;
  return all.slice(0, reasonLimit).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
