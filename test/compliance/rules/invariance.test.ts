// A verdict depends on what is open and not on how it is written. Opening more never turns a failure into a pass.
import type { IpPermission } from '@aws-sdk/client-ec2';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ControlId } from '../../../ops-scripts/compliance/findings.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { fromCidr, fromGroup, group, networkInterface, soundStack } from '../support/sound-stack.ts';
import { addIngress, answerOf, securityGroup } from '../support/spoil.ts';

const groupIds = ['sg-elb', 'sg-web', 'sg-cache', 'sg-db', 'sg-other'] as const;
/**
 * Groups that are attached to nothing. A rule that names them is harmless, and other rules can hide among such rules.
 */
const idleIds = Array.from({ length: 15 }, (_, i) => `sg-idle-${i}`);
/** Controls that another opening can only make worse. */
const onlyFrom: ControlId[] = ['asg-only-from-elb', 'cache-only-from-asg', 'database-only-from-asg'];

interface Opening {
  into: (typeof groupIds)[number];
  rule: IpPermission;
}

const port = fc.constantFrom(22, 80, 443, 3000, 5432, 6379);
const cidr = fc.oneof(
  fc.constantFrom('0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '10.0.0.0/8', '::/0', '2000::/3', '10.0.0.10/32'),
  fc
    .tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.integer({ min: 8, max: 30 }))
    .map(([a, b, c, prefix]) => `${a}.${b}.${c}.0/${prefix}`),
);
const opening: fc.Arbitrary<Opening> = fc.record({
  into: fc.constantFrom(...groupIds),
  rule: fc.oneof(
    fc.tuple(port, cidr).map(([at, from]): IpPermission => fromCidr(at, from)),
    fc
      .tuple(port, fc.constantFrom(...groupIds, ...idleIds), fc.nat(2))
      .map(([at, from, more]): IpPermission => fromGroup(at, from, at + more)),
  ),
});
const openings = fc.array(opening, { maxLength: 12 });

/** The sound stack with a machine beside it and with these openings. */
function build(list: Opening[]): Snapshot {
  const snapshot = soundStack();
  answerOf(snapshot, 'ec2', 'DescribeSecurityGroups').SecurityGroups!.push(
    ...['sg-other', ...idleIds].map((id) => group(id, [])),
  );
  answerOf(snapshot, 'ec2', 'DescribeNetworkInterfaces').NetworkInterfaces!.push(
    networkInterface('eni-other', 'sg-other', '10.0.10.99', '', 'i-other'),
  );
  for (const { into, rule } of list) addIngress(snapshot, into, structuredClone(rule));
  return snapshot;
}

function statuses(snapshot: Snapshot): Record<string, string> {
  const { findings } = judge(snapshot, { mode: 'snapshot', selection: {} });
  return Object.fromEntries(findings.map(({ control, status }) => [control, status]));
}

/** The two halves of a CIDR, which together have the same addresses. */
function halves(rule: IpPermission): IpPermission[] {
  const text = rule.IpRanges?.[0]?.CidrIp;
  const [address, prefix] = text?.split('/') ?? [];
  if (address === undefined || Number(prefix) >= 32) return [rule];
  const bits = Number(prefix) + 1;
  const value = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - bits);
  const low = value - (value % (2 * size));
  return [low, low + size].map((start) => {
    const octets = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256);
    return fromCidr(rule.FromPort!, `${octets.join('.')}/${bits}`);
  });
}

test('the openings below turn some verdicts, so that they can prove something', () => {
  const sample = fc.sample(openings, { numRuns: 60, seed: 7 });
  const seen = new Set(sample.flatMap((list) => onlyFrom.map((id) => statuses(build(list))[id])));
  expect(seen).toEqual(new Set(['pass', 'fail']));
});

test('the order of groups, rules and interfaces changes no verdict', () => {
  fc.assert(
    fc.property(openings, fc.infiniteStream(fc.nat(1000)), (list, keys) => {
      const shuffle = <T>(items: T[]) =>
        items
          .map((item) => ({ item, key: keys.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ item }) => item);
      const snapshot = build(list);
      const before = statuses(snapshot);
      const groups = answerOf(snapshot, 'ec2', 'DescribeSecurityGroups');
      for (const each of groups.SecurityGroups!) each.IpPermissions = shuffle(each.IpPermissions!);
      groups.SecurityGroups = shuffle(groups.SecurityGroups!);
      const enis = answerOf(snapshot, 'ec2', 'DescribeNetworkInterfaces');
      enis.NetworkInterfaces = shuffle(enis.NetworkInterfaces!);
      expect(statuses(snapshot)).toEqual(before);
    }),
    { numRuns: 100 },
  );
});

test('a rule said twice, or by the two halves of its CIDR, changes no verdict', () => {
  fc.assert(
    fc.property(openings, (list) => {
      const before = statuses(build(list));
      expect(statuses(build([...list, ...list]))).toEqual(before);
      const split = build(
        list.flatMap(({ into, rule }) => halves(rule).map((half) => ({ into, rule: half }))),
      );
      const balancer = securityGroup(split, 'sg-elb');
      balancer.IpPermissions = balancer.IpPermissions!.flatMap(halves);
      expect(statuses(split)).toEqual(before);
    }),
    { numRuns: 60 },
  );
});

test('opening more never turns a failed "only from" into anything better', () => {
  fc.assert(
    fc.property(openings, opening, (list, more) => {
      const before = statuses(build(list));
      const after = statuses(build([...list, more]));
      for (const id of onlyFrom) if (before[id] === 'fail') expect(after[id]).toBe('fail');
    }),
    { numRuns: 100 },
  );
});
