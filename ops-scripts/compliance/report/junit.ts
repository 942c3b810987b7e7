// The report as JUnit XML: one test case for each finding; unknown is an error, so that no build passes on it.
import type { Finding, Report } from '../findings.ts';
import { escapeMarkup } from './xml.ts';

export function writeJunit({ findings, summary, mode }: Report): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="compliance" tests="${findings.length}" failures="${summary.fail}" errors="${summary.unknown}" skipped="${summary.waived}">`,
    `  <testsuite name="compliance ${mode}" tests="${findings.length}" failures="${summary.fail}" errors="${summary.unknown}" skipped="${summary.waived}">`,
    ...findings.map(writeCase),
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
    fail: `<failure message="${reason}">${body}</failure>`,
    unknown: `<error message="${reason}">${body}</error>`,
    waived: `<skipped message="${reason}"/>`,
  }[finding.status];
  return `    <testcase classname="${finding.control}" name="${resource}">${inner}</testcase>`;
}
