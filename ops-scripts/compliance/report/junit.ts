// The report as JUnit XML: one test case for each finding; unknown is an error, so that no build passes on it.
import type { Finding, Report } from '../findings.ts';
import { escapeMarkup } from './xml.ts';

/** What the schemas of Ant's JUnitReport and of Jenkins both take. `takenAt`: ISO 8601. */
export function writeJunit({ findings, summary, mode }: Report, takenAt: string): string {
  const counts = `tests="${findings.length}" failures="${summary.fail}" errors="${summary.unknown}"`;
  const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.exec(takenAt)?.[0] ?? '1970-01-01T00:00:00';
  const where = `package="compliance" id="0" hostname="localhost" timestamp="${timestamp}" time="0"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite name="compliance ${mode}" ${counts} ${where}>`,
    `    <properties><property name="mode" value="${mode}"/></properties>`,
    ...findings.map(writeCase),
    '    <system-out></system-out>',
    '    <system-err></system-err>',
    '  </testsuite>',
    '</testsuites>',
  ].join('\n');
}

function writeCase(finding: Finding): string {
  const [reason, resource] = [escapeMarkup(finding.reason), escapeMarkup(finding.resource)];
  const body = escapeMarkup(
    [...(finding.path ?? []), finding.fix ?? '', ...finding.warnings].filter(Boolean).join('\n'),
  );
  const inner = {
    pass: '',
    fail: `<failure message="${reason}" type="fail">${body}</failure>`,
    unknown: `<error message="${reason}" type="unknown">${body}</error>`,
    waived: `<skipped>${reason}</skipped>`,
  }[finding.status];
  return `    <testcase classname="${finding.control}" name="${resource}" time="0">${inner}</testcase>`;
}
