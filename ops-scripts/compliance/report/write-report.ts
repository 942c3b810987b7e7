// Writes a report in the requested format.
import type { Locate, Report } from '../findings.ts';
import type { Snapshot } from '../snapshot.ts';
import { writeHtml } from './html.ts';
import { writeJunit } from './junit.ts';
import { writeOcsf } from './ocsf.ts';
import { writeSarif } from './sarif.ts';
import { type Terminal, writeTable } from './table.ts';

export const outputs = ['table', 'json', 'sarif', 'junit', 'html', 'ocsf'] as const;
export type Output = (typeof outputs)[number];

export interface Judged {
  report: Report;
  snapshot: Snapshot;
  /** Where the parts are declared, in a check of files. */
  locate?: Locate;
}

/** `width` and `color` matter for the table only. */
export function writeReport(
  { report, snapshot, locate }: Judged,
  output: Output,
  terminal: Terminal,
): string {
  if (output === 'json') return JSON.stringify(report, null, 2);
  if (output === 'sarif') return JSON.stringify(writeSarif(report, locate), null, 2);
  if (output === 'junit') return writeJunit(report, snapshot.takenAt);
  if (output === 'ocsf') return JSON.stringify(writeOcsf(report, snapshot.takenAt), null, 2);
  if (output === 'html') return writeHtml(report, snapshot);
  return writeTable(report, terminal);
}
