// The report as one self-contained HTML file: the drawing of the stack and every finding.
import { type Finding, type Report, shortName } from '../findings.ts';
import { type Inventory, readInventory } from '../inventory/inventory.ts';
import { subnetsOf } from '../inventory/subnets.ts';
import type { Part, PartKind } from '../parts/part.ts';
import type { Snapshot } from '../snapshot.ts';
import { attempt } from '../unknown.ts';
import { escapeMarkup } from './for-programs.ts';

export function writeHtml(report: Report, snapshot: Snapshot): string {
  const { pass, fail, unknown, waived } = report.summary;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Compliance: ${fail} fail, ${unknown} unknown</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1c1b1a; background: #fff }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .5rem; border-top: 1px solid #d9d6d1 }
.fail { color: #b3261e } .unknown { color: #7a5200 } .pass { color: #1b6e3c } .waived { color: #31566b }
@media (max-width: 40rem) {
  body { margin: 1rem auto } thead { display: none } tr { display: block; border-top: 1px solid #d9d6d1; padding: .5rem 0 }
  td { display: block; border: 0; padding: .15rem 0; overflow-wrap: anywhere } figure { overflow-x: auto } figure svg { max-width: none }
}
code { white-space: pre-wrap; overflow-wrap: anywhere } figure { margin: 1rem 0 } svg { max-width: 100%; height: auto } td.status { font-weight: 600 }
</style>
</head>
<body>
<h1>What the account lets in</h1>
<p>${escapeMarkup(report.account)} ${escapeMarkup(report.region)}, ${report.mode}, taken ${escapeMarkup(snapshot.takenAt)}: ${pass} pass, ${fail} fail, ${unknown} unknown, ${waived} waived.</p>
<figure>${
    attempt(
      () => drawStack(report, snapshot),
      () => undefined,
    ) ?? 'The stack can not be drawn.'
  }</figure>
<table>
<thead><tr><th>Status</th><th>Control</th><th>Part</th><th>Why, how one gets in, what to type</th></tr></thead>
<tbody>
${report.findings.map(writeRow).join('\n')}
</tbody>
</table>
</body>
</html>`;
}

function writeRow(finding: Finding): string {
  const path = finding.path
    ? `<ol>${finding.path.map((hop) => `<li>${escapeMarkup(hop)}</li>`).join('')}</ol>`
    : '';
  const fix = finding.fix ? `<p><code>${escapeMarkup(finding.fix)}</code></p>` : '';
  const notes = finding.warnings.map((warning) => `<p>Note: ${escapeMarkup(warning)}</p>`).join('');
  return `<tr><td class="status ${finding.status}">${finding.status}</td><td>${finding.control}</td><td><code>${escapeMarkup(finding.resource)}</code></td><td>${escapeMarkup(finding.reason)}${path}${fix}${notes}</td></tr>`;
}

const rows: { kind: PartKind; control: Finding['control']; zones: Finding['control'] }[] = [
  { kind: 'load-balancer', control: 'elb-open-to-web', zones: 'elb-multi-az' },
  { kind: 'auto-scaling-group', control: 'asg-only-from-elb', zones: 'asg-multi-az' },
  { kind: 'cache', control: 'cache-only-from-asg', zones: 'cache-multi-az' },
  { kind: 'database', control: 'database-only-from-asg', zones: 'database-multi-az' },
];

/** In pixels: width of the labels, of a zone, and height of a row. Two zones fit on a phone. */
const [left, columnWidth, rowHeight] = [170, 95, 110];
const colors = { pass: '#1b6e3c', waived: '#31566b', unknown: '#7a5200', fail: '#b3261e' };

/** Draws the stack as SVG: zones are columns, parts are rows, red arrows are connections that are not allowed. */
function drawStack(report: Report, snapshot: Snapshot): string {
  const inventory = readInventory(snapshot, report.mode);
  const drawn = rows.map((row) => ({
    ...row,
    finding: worst(report, row.control),
    zoneFinding: worst(report, row.zones),
    parts: (inventory.parts[row.kind].items as Part[]).filter(({ id }) =>
      report.findings.some(({ resource, control }) => resource === id && control === row.zones),
    ),
  }));
  const zonesOf = (parts: Part[]) => [...new Set(parts.flatMap((part) => zonesOfPart(inventory, part)))];
  const zones = [...new Set(drawn.flatMap(({ parts }) => zonesOf(parts)))].sort();
  const width = left + Math.max(2, zones.length) * columnWidth + 20;
  const height = 80 + rows.length * rowHeight;
  const shapes = drawn.flatMap(({ parts, finding, zoneFinding, kind }, index) => {
    const y = 80 + index * rowHeight;
    const here = zonesOf(parts);
    const label = parts.map(({ id }) => shortName(id)).join(', ') || 'not known';
    const boxes = zones
      .filter((zone) => here.includes(zone))
      .map(
        (zone) =>
          `<rect x="${left + zones.indexOf(zone) * columnWidth + 10}" y="${y}" width="${columnWidth - 20}" height="44" rx="6" fill="#f4f2ef" stroke="${colors[zoneFinding?.status ?? 'unknown']}" stroke-width="2"/>`,
      );
    return [
      `<text x="10" y="${y + 18}" font-weight="600">${kind.replaceAll('-', ' ')}</text>`,
      `<text x="10" y="${y + 38}">${escapeMarkup(label.length > 20 ? `${label.slice(0, 19)}…` : label)}</text>`,
      ...boxes,
      drawArrow(finding, 30, y, index === 0),
    ];
  });
  const heads = zones.map(
    (zone, index) =>
      `<text x="${left + index * columnWidth + 12}" y="24" font-weight="600">${escapeMarkup(zone)}</text>`,
  );
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The stack, zones as columns" font-size="14" font-family="system-ui, sans-serif"><text x="10" y="24">internet</text>${heads.join('')}${shapes.join('')}</svg>`;
}

/** Draws the allowed arrow from the row above. A failure gets a second, red arrow with the name of its source. */
function drawArrow(finding: Finding | undefined, x: number, y: number, first: boolean): string {
  const status = finding?.status ?? 'unknown';
  const top = y - (first ? 50 : rowHeight - 48);
  const line = (at: number, color: string, dash: string) =>
    `<path d="M${at} ${top} V${y - 2} m-5 -9 l5 9 l5 -9" fill="none" stroke="${color}" stroke-width="2"${dash}/>`;
  const allowed = line(
    x,
    status === 'fail' ? '#8a8580' : colors[status],
    status === 'unknown' ? ' stroke-dasharray="5 4"' : '',
  );
  if (status !== 'fail') return allowed;
  const from = finding?.path?.[0] ?? finding?.reason ?? '';
  return `${allowed}${line(x + 30, colors.fail, '')}<text x="${x + 40}" y="${y - 24}" fill="${colors.fail}" font-size="12">${escapeMarkup(from.slice(0, 46))}</text>`;
}

function worst(report: Report, control: Finding['control']): Finding | undefined {
  const order = ['fail', 'unknown', 'waived', 'pass'];
  return report.findings
    .filter((finding) => finding.control === control)
    .sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status))[0];
}

/** The known zones. A garbled answer may have other values than text in their place. */
function zonesOfPart(inventory: Inventory, part: Part): string[] {
  return findZones(inventory, part).filter((zone) => typeof zone === 'string');
}

function findZones(inventory: Inventory, part: Part): string[] {
  try {
    if (part.kind === 'load-balancer')
      return (part.raw.AvailabilityZones ?? []).flatMap(({ ZoneName }) => ZoneName ?? []);
    if (part.kind === 'database') {
      const instances = part.flavor === 'cluster' ? part.members : [part.raw];
      return instances.flatMap((each) =>
        [each.AvailabilityZone, each.SecondaryAvailabilityZone].filter((zone) => typeof zone === 'string'),
      );
    }
    if (part.kind === 'cache' && part.flavor === 'replication-group') {
      return (part.raw.NodeGroups ?? []).flatMap((shard) =>
        (shard.NodeGroupMembers ?? []).flatMap((member) => member.PreferredAvailabilityZone ?? []),
      );
    }
    return inventory.zones.ofSubnets(subnetsOf(inventory, part));
  } catch {
    return [];
  }
}
