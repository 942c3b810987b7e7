// The arithmetic of addresses and ports is exact: it agrees with counting in small ranges.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  contains,
  type Interval,
  intersect,
  isSubset,
  subtract,
  unite,
} from '../../../ops-scripts/compliance/network/interval-set.ts';
import {
  covers,
  exceeds,
  formatAddress,
  parseCidr,
  toTraffic,
} from '../../../ops-scripts/compliance/network/traffic.ts';

const size = 32;
const universe = Array.from({ length: size }, (_, i) => BigInt(i));
const intervals = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: size - 1 }), fc.integer({ min: 0, max: size - 1 }))
    .map(([a, b]): Interval => ({ start: BigInt(Math.min(a, b)), end: BigInt(Math.max(a, b)) })),
  { maxLength: 8 },
);
const members = (list: readonly Interval[]) =>
  universe.filter((value) => list.some(({ start, end }) => start <= value && value <= end));

describe('sets of intervals', () => {
  test('Union, difference and intersection of intervals agree with counting one by one, and have one form', () => {
    fc.assert(
      fc.property(intervals, intervals, (left, right) => {
        const [a, b] = [unite(left), unite(right)];
        const [inA, inB] = [members(left), members(right)];
        expect(members(a)).toEqual(inA);
        expect(members(subtract(a, b))).toEqual(inA.filter((value) => !inB.includes(value)));
        expect(members(intersect(a, b))).toEqual(inA.filter((value) => inB.includes(value)));
        expect(isSubset(a, b)).toBe(inA.every((value) => inB.includes(value)));
        expect(unite([...left].reverse())).toEqual(a);
        expect(unite(subtract(a, b))).toEqual(subtract(a, b));
        for (const value of universe) expect(contains(a, value)).toBe(inA.includes(value));
      }),
      { numRuns: 500 },
    );
  });
});

describe('addresses', () => {
  test('Two halves of a range are the whole range, for IPv4 and IPv6', () => {
    const whole = (...cidrs: string[]) => unite(cidrs.map((cidr) => parseCidr(cidr)!));
    expect(whole('0.0.0.0/1', '128.0.0.0/1')).toEqual(whole('0.0.0.0/0'));
    expect(whole('::/1', '8000::/1')).toEqual(whole('::/0'));
    expect(whole('0.0.0.0/1', '128.0.0.0/2')).not.toEqual(whole('0.0.0.0/0'));
  });

  test('An IPv4 CIDR contains exactly the addresses that begin with its bits', () => {
    const octets = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(octets, octets, fc.nat(32), (base, other, prefix) => {
        const bits = (list: number[]) => list.map((octet) => octet.toString(2).padStart(8, '0')).join('');
        const range = parseCidr(`${base.join('.')}/${prefix}`)!;
        const value = parseCidr(other.join('.'))!.start;
        const inside = range.start <= value && value <= range.end;
        expect(inside).toBe(bits(base).slice(0, prefix) === bits(other).slice(0, prefix));
        expect(formatAddress('ipv4', value)).toBe(other.join('.'));
      }),
    );
  });

  test('IPv6 is read in every spelling', () => {
    const loopback = parseCidr('0:0:0:0:0:0:0:1');
    for (const text of ['::1', '0::1', '::0:1', '::1/128', '::0.0.0.1'])
      expect(parseCidr(text)).toEqual(loopback);
    expect(parseCidr('2001:DB8::/32')).toEqual(parseCidr('2001:db8:0:0::/32'));
  });

  test('Text that is not a CIDR is refused', () => {
    for (const text of [
      '',
      '10.0.0',
      '256.0.0.0/8',
      '10.0.0.0/33',
      '::/129',
      '1::2::3',
      '10.0.0.0/x',
      '10.0.0.0/8/8',
      ':1',
    ]) {
      expect(parseCidr(text), text).toBeUndefined();
    }
  });
});

describe('ports', () => {
  test('A rule exceeds the allowed ports exactly if it opens one that is not allowed', () => {
    const port = fc.nat(12);
    fc.assert(
      fc.property(port, port, fc.uniqueArray(port, { maxLength: 6 }), (a, b, list) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const traffic = toTraffic('tcp', from, to);
        const open = Array.from({ length: 13 }, (_, i) => i).filter((each) => covers(traffic, 'tcp', each));
        expect(exceeds(traffic, new Set(['tcp']), new Set(list))).toBe(
          open.some((each) => !list.includes(each)),
        );
      }),
    );
  });

  test('Rules for everything, another protocol or missing ports exceed any port', () => {
    const allowed = [new Set(['tcp']), new Set([443])] as const;
    for (const [protocol, from, to] of [
      ['-1'],
      ['udp', 443, 443],
      ['tcp'],
      ['tcp', -1, -1],
      ['icmp', 8, -1],
      ['50'],
    ] as const) {
      expect(exceeds(toTraffic(protocol, from, to), ...allowed), protocol).toBe(true);
    }
    expect(exceeds(toTraffic('6', 443, 443), ...allowed)).toBe(false);
  });
});
