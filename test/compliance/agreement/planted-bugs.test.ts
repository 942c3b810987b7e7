// Proves that the case table can fail: each planted bug of a real checker passes a case that must not pass.
import { expect, it } from 'vitest';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { AccountStack } from '../support/account-stack.ts';
import { misconfigured } from './cases.ts';
import type { Case } from './openings.ts';

/** Changes one property as a blind checker would see it. The controls themselves stay the same. */
type Blindness = (key: string, value: unknown) => unknown;

type Rule = { CidrIpv4?: string; CidrIpv6?: string; PrefixListId?: string };

const keepRules =
  (keep: (rule: Rule) => boolean): Blindness =>
  (key, value) =>
    key === 'SecurityGroupRules' ? (value as Rule[]).filter(keep) : value;

const both =
  (first: Blindness, second: Blindness): Blindness =>
  (key, value) =>
    second(key, first(key, value));

const emptied =
  (name: string): Blindness =>
  (key, value) =>
    key === name ? [] : value;

const attached = new Set(['SecurityGroups', 'Groups', 'SecurityGroupIds', 'VpcSecurityGroups']);

const bugs: [bug: string, blindness: Blindness, passes: string][] = [
  [
    'reads the first page of machines only',
    (key, value) =>
      ['NetworkInterfaces', 'Reservations'].includes(key) && Array.isArray(value) ? value.slice(0, 2) : value,
    'a bastion that has the balancer’s group',
  ],
  [
    'sees the first group of a part only',
    (key, value) =>
      attached.has(key) && Array.isArray(value) && !JSON.stringify(value).includes('IpPermissions')
        ? value.slice(0, 1)
        : value,
    'a second group on the database',
  ],
  [
    'ignores IPv6',
    both(
      emptied('Ipv6Ranges'),
      keepRules((rule) => rule.CidrIpv6 === undefined),
    ),
    'instances open to all of IPv6',
  ],
  [
    'looks for 0.0.0.0/0 as text',
    both(
      (key, value) =>
        key === 'IpRanges'
          ? (value as { CidrIp: string }[]).filter(({ CidrIp }) => CidrIp === '0.0.0.0/0')
          : value,
      keepRules(({ CidrIpv4 = '0.0.0.0/0' }) => CidrIpv4 === '0.0.0.0/0'),
    ),
    'instances open to everyone in halves',
  ],
  [
    'does not read prefix lists',
    both(
      emptied('PrefixListIds'),
      keepRules((rule) => rule.PrefixListId === undefined),
    ),
    'instances open through a prefix list',
  ],
  [
    'believes the flag and does not look where replicas stand',
    (key, value) => {
      if (key !== 'CacheClusters' && key !== 'NodeGroupMembers') return value;
      const zones = ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'];
      const text = (member: object, zone: string) => JSON.stringify(member).replace(/eu-west-1[abc]/g, zone);
      return (value as object[]).map((member, index) => JSON.parse(text(member, zones[index % 3]!)));
    },
    'cache replicas in one zone, Multi-AZ on',
  ],
];

it.each(bugs)('is found by the table: a checker that %s', (_bug, blindness, name) => {
  const one = misconfigured.find((each) => each.name === name)!;
  const account = new AccountStack();
  one.change(account);
  const seen = JSON.parse(JSON.stringify(account.snapshot()), blindness) as Snapshot;
  expect(worst(account.snapshot(), one)).toBe(one.expected);
  expect(worst(seen, one)).toBe('pass');
});

function worst(snapshot: Snapshot, { control }: Case) {
  const { findings } = judge(snapshot, { mode: 'snapshot', selection: {} });
  const statuses = findings.filter((finding) => finding.control === control).map(({ status }) => status);
  return (['fail', 'unknown', 'pass'] as const).find((status) => statuses.includes(status));
}
