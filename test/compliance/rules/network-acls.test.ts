// Network ACLs apply between subnets and not within one. An unreadable ACL removes no failure.
import { expect, test } from 'vitest';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { fromCidr, soundStack } from '../support/sound-stack.ts';
import { addIngress, answerOf, findingOf, statusOf } from '../support/spoil.ts';

const chain = 'chain-connects';
const entry = { RuleAction: 'allow' as const, CidrBlock: '0.0.0.0/0', Protocol: '-1' };
const all = [
  { ...entry, RuleNumber: 100, Egress: false },
  { ...entry, RuleNumber: 100, Egress: true },
];

function withAcl(subnets: string[], Entries: object[]): Snapshot {
  const snapshot = soundStack();
  answerOf(snapshot, 'ec2', 'DescribeNetworkAcls').NetworkAcls = [
    { NetworkAclId: 'acl-1', Associations: subnets.map((SubnetId) => ({ SubnetId })), Entries },
  ];
  return snapshot;
}

test('An ACL that denies private subnets to one another stops only part of the traffic of parts that share a subnet', () => {
  const deny = { Protocol: '6', PortRange: { From: 6379, To: 6379 }, RuleNumber: 10, Egress: false };
  const denied = { ...deny, RuleAction: 'deny', CidrBlock: '10.0.0.0/16' };
  const finding = findingOf(withAcl(['subnet-private-0', 'subnet-private-1'], [denied, ...all]), chain);
  expect(finding.status).toBe('pass');
  expect(finding.warnings.join()).toContain('stops port 6379 in part');
});

test('An ACL between the load balancer and instances in other subnets fails', () => {
  const deny = { Protocol: '6', PortRange: { From: 3000, To: 3000 }, RuleNumber: 10, Egress: false };
  const denied = { ...deny, RuleAction: 'deny', CidrBlock: '10.0.0.0/16' };
  expect(statusOf(withAcl(['subnet-private-0', 'subnet-private-1'], [denied, ...all]), chain)).toBe('fail');
});

test('Unknown entries or actions of an ACL make the verdict unknown', () => {
  const unknown = { $unknown: 'a condition' };
  const subnets = ['subnet-private-0'];
  expect(statusOf(withAcl(subnets, [unknown, ...all]), chain)).toBe('unknown');
  const action = { ...all[0]!, RuleNumber: 10, RuleAction: unknown };
  expect(statusOf(withAcl(subnets, [action, ...all]), chain)).toBe('unknown');
});

test('An open rule fails even if the ACL before it cannot be read', () => {
  const snapshot = withAcl(['subnet-private-0', 'subnet-private-1'], [{ $unknown: 'a condition' }]);
  addIngress(snapshot, 'sg-cache', fromCidr(6379, '0.0.0.0/0'));
  expect(statusOf(snapshot, 'cache-only-from-asg')).toBe('fail');
});
