// The public description of a region's part, and the table of all parts on a terminal.
import type { RunningPart } from '../local/part.ts';
import type { Fleet, FleetMember } from './fleet.ts';
import type { RegionStores } from './region-stores.ts';

type PartKind =
  | 'origin'
  | 'worker'
  | 'edge'
  | 'balancer'
  | 'postgres-primary'
  | 'postgres-standby'
  | 'postgres-replica'
  | 'redis-primary'
  | 'redis-replica';

export interface RegionPart {
  name: string;
  kind: PartKind;
  zone: string;
  /** The listening process. */
  pid: number;
  /** Its own address, credentials included. */
  url: string;
  /** What happens after its loss: it comes back at the same address, or stays away. */
  restart: 'always' | 'never';
}

interface StandingParts {
  balancer: { process: RunningPart; url: string };
  members: FleetMember[];
  fleet: Fleet;
  stores: RegionStores;
}

/** Lists the parts as they are now. The kind of a store follows from its role. */
export function listParts({ balancer, members, fleet, stores }: StandingParts): RegionPart[] {
  const part = (
    place: { name: string; zone: string; url: string },
    kind: PartKind,
    process: RunningPart | undefined,
  ): RegionPart[] => {
    if (process === undefined) return [];
    const { name, zone, url } = place;
    return [{ name, kind, zone, pid: process.pid, url, restart: 'always' }];
  };
  const { primary, standby, replica } = stores.postgres.topology();
  const redis = { primary: stores.redis.primary(), replica: stores.redis.replica() };
  return [
    ...part({ name: 'balancer', zone: 'region', url: balancer.url }, 'balancer', balancer.process),
    ...members.flatMap((member) => part(member, member.kind, fleet.processOf(member.name))),
    ...part(primary, 'postgres-primary', primary.server),
    ...part(standby, 'postgres-standby', standby.server),
    ...part(replica, 'postgres-replica', replica.server),
    ...part(redis.primary, 'redis-primary', redis.primary.server),
    ...part(redis.replica, 'redis-replica', redis.replica.server),
  ];
}

const columns = ['name', 'kind', 'zone', 'pid', 'url'] as const;

/** The region's parts as a table, one line for each part below a heading. */
export function renderTable(parts: RegionPart[]): string[] {
  const rows = parts.map((part) => columns.map((column) => String(part[column])));
  const widths = columns.map((column, at) => Math.max(column.length, ...rows.map((row) => row[at]!.length)));
  return [[...columns], ...rows].map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join('  ')
      .trimEnd(),
  );
}

interface LiveTable {
  /** Shows an event with its time. The newest ten stay visible. */
  tell(sentence: string): void;
  close(): void;
}

const drawEveryMs = 500;
const eventsShown = 10;

export function showLiveTable(
  terminal: NodeJS.WriteStream,
  heading: string,
  parts: () => RegionPart[],
): LiveTable {
  const events: string[] = [];
  let lines = 0;
  const draw = () => {
    const text = [heading, '', ...renderTable(parts()), '', ...events];
    const width = terminal.columns || 120;
    const cut = text.map((line) => line.slice(0, width - 1));
    // Moves up to the beginning of the last picture, and clears from there.
    terminal.write(`${lines > 0 ? `\x1b[${lines}A` : ''}\x1b[0J${cut.join('\n')}\n`);
    lines = cut.length;
  };
  draw();
  const timer = setInterval(draw, drawEveryMs).unref();
  return {
    tell: (sentence) => {
      events.push(`${new Date().toISOString().slice(11, 19)}  ${sentence}`);
      if (events.length > eventsShown) events.shift();
    },
    close: () => clearInterval(timer),
  };
}
