// Describes the traffic of a rule: one protocol with a range of ports, or everything.
// Also reads and writes IP addresses and CIDRs as numbers of one family.
import { type Interval, type IntervalSet, isEmpty, subtract, unite } from './interval-set.ts';

/** IP addresses as numbers of one family, and CIDRs as ranges. IPv4 and IPv6 are never compared. */
export type AddressFamily = 'ipv4' | 'ipv6';

export interface AddressRange extends Interval {
  readonly family: AddressFamily;
}

const bits: Record<AddressFamily, number> = { ipv4: 32, ipv6: 128 };

/** Every address of a family. */
export function wholeFamily(family: AddressFamily): IntervalSet {
  return [{ start: 0n, end: (1n << BigInt(bits[family])) - 1n }];
}

/** The addresses of `10.0.0.0/8`, `2001:db8::/32` or one address. Ignores bits past the prefix, as AWS does. */
export function parseCidr(text: string): AddressRange | undefined {
  const [address = '', length, more] = text.trim().split('/');
  const family: AddressFamily = address.includes(':') ? 'ipv6' : 'ipv4';
  const value = family === 'ipv6' ? parseIpv6(address) : parseIpv4(address);
  if (value === undefined || more !== undefined) return undefined;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined;
  const prefix = length === undefined ? bits[family] : Number(length);
  if (prefix > bits[family]) return undefined;
  const hostBits = BigInt(bits[family] - prefix);
  const start = (value >> hostBits) << hostBits;
  return { family, start, end: start + (1n << hostBits) - 1n };
}

function parseIpv4(text: string): bigint | undefined {
  const octets = text.split('.');
  if (octets.length !== 4 || octets.some((octet) => !/^\d{1,3}$/.test(octet) || Number(octet) > 255)) {
    return undefined;
  }
  return octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

function parseIpv6(text: string): bigint | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted) {
    const tail = parseIpv4(dotted[2]!);
    if (tail === undefined) return undefined;
    return parseIpv6(`${dotted[1]}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`);
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const given = [...head!, ...(tail ?? [])];
  if (given.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  if (tail === undefined ? given.length !== 8 : given.length > 7) return undefined;
  const zeros = Array.from({ length: 8 - given.length }, () => '0');
  return [...head!, ...zeros, ...(tail ?? [])].reduce(
    (value, group) => (value << 16n) | BigInt(`0x${group}`),
    0n,
  );
}

/** Ranges that AWS or the standards exclude from the public internet. Every other address is public. */
const privateRanges: Record<AddressFamily, IntervalSet> = {
  ipv4: unite(
    [
      '0.0.0.0/8',
      '10.0.0.0/8',
      '100.64.0.0/10',
      '127.0.0.0/8',
      '169.254.0.0/16',
      '172.16.0.0/12',
      '192.168.0.0/16',
      '224.0.0.0/3',
    ].map((cidr) => parseCidr(cidr)!),
  ),
  ipv6: subtract(wholeFamily('ipv6'), [parseCidr('2000::/3')!]),
};

/** Whether someone on the internet can have an address of this set. */
function holdsPublicAddress(family: AddressFamily, set: IntervalSet): boolean {
  return !isEmpty(subtract(set, privateRanges[family]));
}

/** The address in its usual spelling (IPv6 without shortening zeros). */
export function formatAddress(family: AddressFamily, value: bigint): string {
  const [groups, width, base, separator] = family === 'ipv4' ? [4, 8n, 10, '.'] : [8, 16n, 16, ':'];
  const mask = (1n << (width as bigint)) - 1n;
  return Array.from({ length: groups as number }, (_, i) =>
    ((value >> ((width as bigint) * BigInt((groups as number) - 1 - i))) & mask).toString(base as number),
  ).join(separator as string);
}

/** A parsed CIDR: its text, its range, and whether it includes internet addresses. */
export interface Cidr {
  readonly cidr: string;
  /** Undefined where the text is not a CIDR. */
  readonly range: AddressRange | undefined;
  readonly isPublic: boolean;
}

export function readCidr(cidr: string): Cidr {
  const range = parseCidr(cidr);
  return { cidr, range, isPublic: range !== undefined && holdsPublicAddress(range.family, [range]) };
}

/** Formats a set of addresses for people: the first ranges, and how many more. */
export function formatSet(family: AddressFamily, set: IntervalSet, limit = 3): string {
  const shown = set
    .slice(0, limit)
    .map(({ start, end }) =>
      start === end
        ? formatAddress(family, start)
        : `${formatAddress(family, start)}-${formatAddress(family, end)}`,
    );
  return shown.join(', ') + (set.length > limit ? ` and ${set.length - limit} more ranges` : '');
}

export interface Traffic {
  /** `tcp`, `udp`, `icmp`, `icmpv6`, a protocol's number, or `all`. */
  readonly protocol: string;
  /** Inclusive; 0 to 65535 where the protocol has no ports. */
  readonly fromPort: number;
  readonly toPort: number;
}

const protocolNames: Record<string, string> = {
  '-1': 'all',
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  '58': 'icmpv6',
};

/** Reads a rule's IpProtocol, FromPort and ToPort like EC2: `-1` is every protocol, and absent ports are all ports. */
export function toTraffic(ipProtocol: string, fromPort?: number, toPort?: number): Traffic {
  const protocol = protocolNames[String(ipProtocol).toLowerCase()] ?? String(ipProtocol).toLowerCase();
  if (protocol !== 'tcp' && protocol !== 'udp') return { protocol, fromPort: 0, toPort: 65_535 };
  if (fromPort === undefined || fromPort === -1) return { protocol, fromPort: 0, toPort: 65_535 };
  return { protocol, fromPort: Number(fromPort), toPort: Number(toPort ?? fromPort) };
}

/** Whether the rule lets a connection to this port through. */
export function covers(traffic: Traffic, protocol: string, port: number): boolean {
  return (
    (traffic.protocol === 'all' || traffic.protocol === protocol) &&
    traffic.fromPort <= port &&
    port <= traffic.toPort
  );
}

/** Every port, in place of an unknown one: no rule then opens too many ports. */
export function everyPort(): Set<number> {
  return new Set(Array.from({ length: 65_536 }, (_, port) => port));
}

/** Whether the rule lets through anything beyond these ports of this protocol. */
export function exceeds(
  traffic: Traffic,
  protocols: ReadonlySet<string>,
  ports: ReadonlySet<number>,
): boolean {
  if (!protocols.has(traffic.protocol)) return true;
  // A range that is wider than the number of allowed ports must contain another port.
  if (traffic.toPort - traffic.fromPort >= ports.size) return true;
  for (let port = traffic.fromPort; port <= traffic.toPort; port += 1) if (!ports.has(port)) return true;
  return false;
}

export function formatTraffic({ protocol, fromPort, toPort }: Traffic): string {
  if (protocol === 'all') return 'all traffic';
  if (fromPort === 0 && toPort === 65_535) return `all ${protocol}`;
  return fromPort === toPort ? `${protocol} ${fromPort}` : `${protocol} ${fromPort}-${toPort}`;
}
