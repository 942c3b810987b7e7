// IP addresses as numbers of one family, and CIDRs as ranges. IPv4 and IPv6 are never compared.
import { type Interval, type IntervalSet, isEmpty, subtract, unite } from './interval-set.ts';

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
