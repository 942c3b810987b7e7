// The report as SARIF 2.1.0: one result for each finding, with a logical location where there is no file.
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

/** With a physical location for each part that a file declares. */
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

/** The nine controls, and the others that were applied. */
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
