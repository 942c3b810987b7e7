// The report as OCSF 1.3 events of class Compliance Finding (2003), one a finding, as a JSON array.
import { type Finding, type Report, type Status, shortName } from '../findings.ts';
import { allControls } from '../rules/all-controls.ts';

/** A finding that is waived is suppressed, and as wrong as before. */
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

/** `takenAt`: ISO 8601; the moment of the answers that were judged. */
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

/** Where a part stands: its ARN says, or the prefix that it has in a report of several accounts. */
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

/** A text of OCSF holds 65,535 characters at most. */
function cut(text: string): string {
  return text.length <= 65_535 ? text : `${text.slice(0, 65_534)}…`;
}
