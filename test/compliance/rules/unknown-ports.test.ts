// If a port can't be known, the right port is unknown, but a wrong source still fails.
import { expect, test } from 'vitest';
import { fromCidr, soundStack } from '../support/sound-stack.ts';
import { addIngress, answerOf, statusOf } from '../support/spoil.ts';

const unknown = { $unknown: 'a parameter' };

test.each([
  ['cache-only-from-asg', 'sg-cache'],
  ['database-only-from-asg', 'sg-db'],
] as const)('%s is unknown, and fails where somebody else comes in', (control, groupId) => {
  const snapshot = soundStack();
  const shards = answerOf(snapshot, 'elasticache', 'DescribeReplicationGroups').ReplicationGroups![0]!;
  Object.assign(shards.NodeGroups![0]!.PrimaryEndpoint!, { Port: unknown });
  const [orders] = answerOf(snapshot, 'rds', 'DescribeDBInstances').DBInstances!;
  Object.assign(orders!.Endpoint!, { Port: unknown });
  expect(statusOf(snapshot, control)).toBe('unknown');
  addIngress(snapshot, groupId, fromCidr(1234, '0.0.0.0/0'));
  expect(statusOf(snapshot, control)).toBe('fail');
});
