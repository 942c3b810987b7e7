// Draws the stack as SVG: zones are columns, parts are rows, red arrows are connections that are not allowed.
import type { Finding, Report } from '../findings.ts';
import { type Inventory, readInventory } from '../inventory/inventory.ts';
import { subnetsOf } from '../inventory/subnets.ts';
import type { Part, PartKind } from '../parts/part.ts';
import type { Snapshot } from '../snapshot.ts';
import { shortName } from './short-name.ts';
import { escapeMarkup } from './xml.ts';

const rows: { kind: PartKind; control: Finding['control']; zones: Finding['control'] }[] = [
  { kind: 'load-balancer', control: 'elb-open-to-web', zones: 'elb-multi-az' },
  { kind: 'auto-scaling-group', control: 'asg-only-from-elb', zones: 'asg-multi-az' },
  { kind: 'cache', control: 'cache-only-from-asg', zones: 'cache-multi-az' },
  { kind: 'database', control: 'database-only-from-asg', zones: 'database-multi-az' },
];

const [left, columnWidth, rowHeight] = [330, 150, 110];
const colors = { pass: '#1b6e3c', waived: '#31566b', unknown: '#7a5200', fail: '#b3261e' };

export function drawStack(report: Report, snapshot: Snapshot): string {
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
  const width = left + Math.max(1, zones.length) * columnWidth + 20;
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
      `<text x="10" y="${y + 38}">${escapeMarkup(label.slice(0, 30))}</text>`,
      ...boxes,
      drawArrow(finding, left - 60, y, index === 0),
    ];
  });
  const heads = zones.map(
    (zone, index) =>
      `<text x="${left + index * columnWidth + 12}" y="24" font-weight="600">${escapeMarkup(zone)}</text>`,
  );
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The stack, zones as columns" font-size="14" font-family="system-ui, sans-serif"><text x="10" y="24">internet</text>${heads.join('')}${shapes.join('')}</svg>`;
}

/** The allowed arrow from the row above; for a failure, a red one with where it begins. */
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
  return `${allowed}${line(x + 30, colors.fail, '')}<text x="${x + 40}" y="${y - 24}" fill="${colors.fail}" font-size="12">${escapeMarkup(from.slice(0, 60))}</text>`;
}

function worst(report: Report, control: Finding['control']): Finding | undefined {
  const order = ['fail', 'unknown', 'waived', 'pass'];
  return report.findings
    .filter((finding) => finding.control === control)
    .sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status))[0];
}

/** Zones that are known: an answer may hold anything in their place. */
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
