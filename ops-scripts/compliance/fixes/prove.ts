// Tries each fix of a report on what was judged, and judges again: proven where its finding closes and none gets worse.
import { ConfigFault } from '../config-fault.ts';
import type { Finding, Report, Status } from '../findings.ts';
import { Unproven } from './apply-command.ts';

export interface Proof {
  finding: Finding;
  /** What to type or to change; undefined where the fix is not proven. */
  text?: string;
  /** Why it is not proven. */
  why?: string;
}

/** `try` applies the lines of a fix to a copy, and gives what to show and the report of the copy. */
export type Trial = (lines: string[]) => { text: string; report: Report };

export function proveFixes(report: Report, trial: Trial): Proof[] {
  return report.findings
    .filter(({ status }) => status === 'fail')
    .map((finding) => {
      try {
        if (finding.fix === undefined) throw new Unproven('no fix is known for it');
        const { text, report: after } = trial(finding.fix.split(/\n| && /));
        const why = whyNotProven(report, after, finding);
        return why === undefined ? { finding, text } : { finding, why };
      } catch (error) {
        if (!(error instanceof Unproven) && !(error instanceof ConfigFault)) throw error;
        return { finding, why: error.message };
      }
    });
}

const ranks: Record<Status, number> = { pass: 0, waived: 0, unknown: 1, fail: 2 };

function whyNotProven(before: Report, after: Report, { control, resource }: Finding): string | undefined {
  const same = (a: Finding, b: Pick<Finding, 'control' | 'resource'>) =>
    a.control === b.control && a.resource === b.resource;
  const closed = after.findings.find((each) => same(each, { control, resource }));
  if (closed === undefined) return 'the part is no longer found once it is applied';
  if (closed.status !== 'pass') return `it would still be '${closed.status}': ${closed.reason}`;
  const worse = after.findings.find((now) => {
    const was = before.findings.find((each) => same(each, now));
    return ranks[now.status] > (was === undefined ? 0 : ranks[was.status]);
  });
  return worse && `${worse.control} of ${worse.resource} would be '${worse.status}': ${worse.reason}`;
}
