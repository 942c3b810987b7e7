// A table for people: status, control, part, why; below each failure the path that proves it and what to type.
import type { Finding, Report, Status } from '../findings.ts';
import { shortName } from './short-name.ts';

const colors: Record<Status, number> = { pass: 32, fail: 31, unknown: 33, waived: 36 };

export function writeTable(report: Report, { color, width }: { color: boolean; width: number }): string {
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
    // On a narrow terminal the reason gets lines of its own.
    if (room < 40)
      return [
        head,
        ...wrap(finding.reason, width - 9).map((line) => `${' '.repeat(9)}${line}`),
        ...details(finding, paint),
      ];
    const [first = '', ...rest] = wrap(finding.reason, room);
    return [
      `${head}  ${first}`,
      ...rest.map((line) => ' '.repeat(indent) + line),
      ...details(finding, paint),
    ];
  });
  const { pass, fail, unknown, waived } = report.summary;
  const where = [report.account, report.region].filter(Boolean).join(' ');
  const sum = `${pass} pass, ${fail} fail, ${unknown} unknown, ${waived} waived (${report.mode}${where ? ` ${where}` : ''}; ${report.calls.made} calls, ${report.calls.denied} denied)`;
  return [...lines, '', sum].join('\n');
}

function details(finding: Finding, paint: (text: string, code: number) => string): string[] {
  const indent = ' '.repeat(9);
  return [
    ...finding.warnings.map((warning) => `${indent}note  ${warning}`),
    ...(finding.path ?? []).map((hop, index) => `${indent}${index === 0 ? 'path  ' : '      → '}${hop}`),
    ...(finding.fix?.split('\n') ?? []).map((line) => `${indent}fix   ${paint(line, 1)}`),
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
