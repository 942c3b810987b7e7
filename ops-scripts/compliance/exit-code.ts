// Exit codes: 0 all pass, 1 any fail, 2 no fail but an unknown or nothing evaluated, 3 usage, config or credentials.
import type { Report } from './findings.ts';

/** With `failOn` `unknown`, an unknown is exit 1 as a failure is. */
export function exitCodeOf({ summary }: Report, failOn: 'fail' | 'unknown'): 0 | 1 | 2 {
  if (summary.fail > 0 || (failOn === 'unknown' && summary.unknown > 0)) return 1;
  if (summary.unknown > 0 || summary.pass + summary.waived === 0) return 2;
  return 0;
}
