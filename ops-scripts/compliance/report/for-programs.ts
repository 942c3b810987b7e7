// Writes the report for other programs: SARIF 2.1.0, JUnit XML, and OCSF 1.3 events of class Compliance Finding (2003).

import {
  type Finding,
  type Locate,
  type Report,
  type SourcePlace,
  type Status,
  shortName,
} from '../findings.ts';
import { allControls, controlsOf } from '../rules/all-controls.ts';
import type { Control } from '../rules/control.ts';

const kinds: Record<Status, string> = { pass: 'pass', fail: 'fail', unknown: 'review', waived: 'fail' };
const levels: Record<Status, string> = { pass: 'none', fail: 'error', unknown: 'none', waived: 'error' };

/** Writes SARIF. A part that a file declares has a physical location. */
export function writeSarif(report: Report, locate?: Locate) {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'myclothes-compliance',
            informationUri: 'https://myclothes.com/docs/compliance',
            rules: rulesOf(report).map((control) => ({
              id: control.id,
              shortDescription: { text: control.title },
              fullDescription: { text: control.why },
              help: { text: `${control.how}\n\nFix: ${control.remedy}` },
              helpUri: control.references[0],
            })),
          },
        },
        results: report.findings.map((finding) => toResult(finding, rulesOf(report), locate)),
        properties: { mode: report.mode, account: report.account, region: report.region },
      },
    ],
  };
}

/** The nine controls of the chain, and all other controls that were applied. */
function rulesOf({ findings }: Report): Control[] {
  const applied = new Set(findings.map(({ control }) => control));
  const wanted = [...controlsOf('chain'), ...allControls.filter(({ id }) => applied.has(id))];
  return [...new Map(wanted.map((control) => [control.id, control])).values()];
}

function toResult(finding: Finding, rules: Control[], locate?: Locate) {
  const notes = finding.warnings.length > 0 ? ` Notes: ${finding.warnings.join('; ')}.` : '';
  const fix = finding.fix ? ` Fix: ${finding.fix}` : '';
  return {
    ruleId: finding.control,
    ruleIndex: rules.findIndex(({ id }) => id === finding.control),
    kind: kinds[finding.status],
    level: levels[finding.status],
    message: { text: `${finding.reason}.${notes}${fix}` },
    locations: [
      {
        ...physicalLocation(locate?.(finding.resource)),
        logicalLocations: [
          { name: shortName(finding.resource), fullyQualifiedName: finding.resource, kind: 'resource' },
        ],
      },
    ],
    partialFingerprints: { 'controlAndResource/v1': `${finding.control}|${finding.resource}` },
    ...(finding.path === undefined
      ? {}
      : { codeFlows: [{ threadFlows: [{ locations: finding.path.map(toHop) }] }] }),
    ...(finding.status === 'waived'
      ? { suppressions: [{ kind: 'external', status: 'accepted', justification: finding.reason }] }
      : {}),
  };
}

function physicalLocation(place: SourcePlace | undefined) {
  if (place === undefined) return {};
  const path = place.file.split('/').map(encodeURIComponent).join('/');
  const uri = path.startsWith('/') ? `file://${path}` : path.replace(/^(\.\/)+/, '');
  return { physicalLocation: { artifactLocation: { uri }, region: { startLine: place.line } } };
}

function toHop(hop: string) {
  return { location: { message: { text: hop }, logicalLocations: [{ name: hop, kind: 'resource' }] } };
}

/** Writes JUnit XML that is valid by the schemas of Ant's JUnitReport and of Jenkins. `takenAt`: ISO 8601. */
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

/** A waived finding is suppressed but still fails. */
const complianceOf: Record<Status, { status_id: number; status: string }> = {
  pass: { status_id: 1, status: 'Pass' },
  fail: { status_id: 3, status: 'Fail' },
  unknown: { status_id: 0, status: 'Unknown' },
  waived: { status_id: 3, status: 'Fail' },
};
const severityOf: Record<Status, { severity_id: number; severity: string }> = {
  pass: { severity_id: 1, severity: 'Informational' },
  fail: { severity_id: 4, severity: 'High' },
  unknown: { severity_id: 3, severity: 'Medium' },
  waived: { severity_id: 2, severity: 'Low' },
};

/** `takenAt`: when AWS gave the judged answers, in ISO 8601. */
export function writeOcsf(report: Report, takenAt: string) {
  const taken = Date.parse(takenAt);
  const time = Number.isNaN(taken) ? 0 : taken;
  return report.findings.map((finding) => toEvent(report, finding, time));
}

function toEvent(report: Report, finding: Finding, time: number) {
  const { partition, region, account } = placeOf(report, finding.resource);
  const control = allControls.find(({ id }) => id === finding.control);
  const { status, resource, reason, warnings, path = [], fix } = finding;
  return {
    activity_id: 1,
    activity_name: 'Create',
    category_uid: 2,
    category_name: 'Findings',
    class_uid: 2003,
    class_name: 'Compliance Finding',
    type_uid: 200_301,
    type_name: 'Compliance Finding: Create',
    time,
    ...severityOf[status],
    ...(status === 'waived'
      ? { status_id: 3, status: 'Suppressed' }
      : { status_id: status === 'pass' ? 4 : 1, status: status === 'pass' ? 'Resolved' : 'New' }),
    message: cut(reason),
    metadata: {
      version: '1.3.0',
      profiles: ['cloud'],
      product: { name: 'myclothes-compliance', vendor_name: 'MyClothes.com' },
    },
    cloud: { provider: 'AWS', region, account: { uid: account, type_id: 10, type: 'AWS Account' } },
    compliance: {
      control: finding.control,
      standards: ['myclothes-compliance/1'],
      ...(control === undefined ? {} : { requirements: [control.title] }),
      ...complianceOf[status],
      status_detail: cut(reason),
    },
    finding_info: {
      uid: `${finding.control}|${account}|${region}|${resource}`,
      title: control?.title ?? finding.control,
      desc: cut([reason, ...warnings, ...path].join('\n')),
      created_time: time,
      types: [report.mode],
    },
    resources: [{ uid: resource, name: shortName(resource), region, cloud_partition: partition }],
    ...(fix === undefined ? {} : { remediation: { desc: cut(fix), references: control?.references ?? [] } }),
  };
}

/** The account and region of a part, from its ARN or from the prefix that it has in a report of several accounts. */
function placeOf({ account, region }: Report, resource: string) {
  const [, partition, ofArn, owner] = /^arn:([\w-]+):[\w-]+:([\w-]*):(\d{12}):/.exec(resource) ?? [];
  const [, accountBefore, regionBefore] = /^(\d{12})\/(?:([a-z]+(?:-[a-z]+)+-\d+)\/)?/.exec(resource) ?? [];
  return {
    partition: partition ?? partitionOf(regionBefore || region),
    region: ofArn || regionBefore || region,
    account: owner ?? accountBefore ?? account,
  };
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/** A text of OCSF has at most 65,535 characters. */
function cut(text: string): string {
  return text.length <= 65_535 ? text : `${text.slice(0, 65_534)}…`;
}

export function escapeMarkup(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these have no place in XML at all
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;')
  );
}
