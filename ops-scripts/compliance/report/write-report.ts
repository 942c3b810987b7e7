// Writes a report in the requested format. It writes the table itself.
import { type Finding, type Locate, type Report, type Status, shortName } from '../findings.ts';
import type { Snapshot } from '../snapshot.ts';
import { writeJunit, writeOcsf, writeSarif } from './for-programs.ts';
import { writeHtml } from './html.ts';

export const outputs = ['table', 'json', 'sarif', 'junit', 'html', 'ocsf'] as const;
export type Output = (typeof outputs)[number];

export interface Judged {
  report: Report;
  snapshot: Snapshot;
  /** Finds where parts are declared, in a check of files. */
  locate?: Locate;
}

/** `width` and `color` only affect the table. */
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

export interface Terminal {
  color: boolean;
  width: number;
  /** False for a file or a pipe. */
  isTerminal?: boolean;
}

const colors: Record<Status, number> = { pass: 32, fail: 31, unknown: 33, waived: 36 };

export function writeTable(report: Report, { color, width, isTerminal }: Terminal): string {
  const paint = (text: string, code: number) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const nameWidth = Math.max(
    8,
    ...report.findings.map(({ resource }) => Math.min(30, shortName(resource).length)),
  );
  const lines = report.findings.flatMap((finding) => {
    const head = [
      paint(finding.status.toUpperCase().padEnd(7), colors[finding.status]),
      finding.control.padEnd(22),
      cut(shortName(finding.resource), 30).padEnd(nameWidth),
    ].join('  ');
    const indent = 7 + 2 + 22 + 2 + nameWidth + 2;
    const room = width - indent;
    // On a narrow terminal the reason gets its own lines.
    if (room < 40)
      return [
        head,
        ...wrap(finding.reason, width - 9).map((line) => `${' '.repeat(9)}${line}`),
        ...details(finding, paint, isTerminal ? width : Number.POSITIVE_INFINITY),
      ];
    const [first = '', ...rest] = wrap(finding.reason, room);
    return [
      `${head}  ${first}`,
      ...rest.map((line) => ' '.repeat(indent) + line),
      ...details(finding, paint, isTerminal ? width : Number.POSITIVE_INFINITY),
    ];
  });
  const { pass, fail, unknown, waived } = report.summary;
  const where = [report.account, report.region].filter(Boolean).join(' ');
  const sum = `${pass} pass, ${fail} fail, ${unknown} unknown, ${waived} waived (${report.mode}${where ? ` ${where}` : ''}; ${report.calls.made} calls, ${report.calls.denied} denied)`;
  return [...lines, '', ...wrap(sum, isTerminal ? width : Number.POSITIVE_INFINITY)].join('\n');
}

/** Writes the details below a finding. A terminal gets them in its width, and a program gets each on one line. */
function details(
  { warnings, path = [], fix }: Finding,
  paint: (text: string, code: number) => string,
  room: number,
): string[] {
  const below = (label: string, text: string, end = '') =>
    wrap(text, room - 15 - end.length).map((line, index, { length }) => {
      return `${' '.repeat(9)}${(index === 0 ? label : '').padEnd(6)}${line}${index < length - 1 ? end : ''}`;
    });
  const bold = (line: string) => line.slice(0, 15) + paint(line.slice(15), 1);
  return [
    ...warnings.flatMap((warning) => below('note', warning)),
    ...path.flatMap((hop, index) => (index === 0 ? below('path', hop) : below('', `→ ${hop}`))),
    // The backslash lets people copy a command that continues on the next line.
    ...(fix?.split('\n') ?? []).flatMap((one) =>
      below('fix', one, one.startsWith('aws ') ? ' \\' : '').map(bold),
    ),
  ];
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
