// The types of findings and report, in the shape of the JSON output: one finding for each control and part.
import type { ControlId } from './control-ids.ts';
import type { Mode } from './snapshot.ts';

export type Status = 'pass' | 'fail' | 'unknown' | 'waived';

export interface Finding {
  control: ControlId;
  status: Status;
  /** ARN or name of the part. */
  resource: string;
  reason: string;
  warnings: string[];
  /** From the internet or a named interface to the part, hop by hop. */
  path?: string[];
  /** What to type, or to change in the template, to close exactly that. */
  fix?: string;
}

export interface Report {
  format: 'myclothes-compliance/1';
  mode: Mode;
  account: string;
  region: string;
  summary: Record<Status, number>;
  findings: Finding[];
  calls: { made: number; denied: number };
}
