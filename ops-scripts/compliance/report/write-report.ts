// Writes a report in the requested format.
import type { Report } from '../findings.ts';
import type { Snapshot } from '../snapshot.ts';
import { writeHtml } from './html.ts';
import { writeJunit } from './junit.ts';
import { writeSarif } from './sarif.ts';
import { type Terminal, writeTable } from './table.ts';

export const outputs = ['table', 'json', 'sarif', 'junit', 'html'] as const;
export type Output = (typeof outputs)[number];

/** `width` and `color` matter for the table only. */
export function writeReport(report: Report, output: Output, terminal: Terminal, snapshot: Snapshot): string {
  if (output === 'json') return JSON.stringify(report, null, 2);
  if (output === 'sarif') return JSON.stringify(writeSarif(report), null, 2);
  if (output === 'junit') return writeJunit(report);
  if (output === 'html') return writeHtml(report, snapshot);
  return writeTable(report, terminal);
}
