// A part that declares no security group is unknown, whatever its interfaces have, except network load balancers.
import { describe, expect, test } from 'vitest';
import type { ControlId } from '../../../ops-scripts/compliance/findings.ts';
import { recordCall, type Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { fromCidr, soundStack } from '../support/sound-stack.ts';
import { addIngress, answerOf, findingOf, statusOf } from '../support/spoil.ts';

type Strip = (snapshot: Snapshot, groups: undefined | []) => void;

const parts: [what: string, control: ControlId, strip: Strip][] = [
  [
    'one member of a cache',
    'cache-only-from-asg',
    (s, groups) => {
      Object.assign(answerOf(s, 'elasticache', 'DescribeCacheClusters').CacheClusters![1]!, {
        SecurityGroups: groups,
      });
    },
  ],
  [
    'a database',
    'database-only-from-asg',
    (s, groups) => {
      Object.assign(answerOf(s, 'rds', 'DescribeDBInstances').DBInstances![0]!, {
        VpcSecurityGroups: groups,
      });
    },
  ],
  [
    'a read replica',
    'database-only-from-asg',
    (s, groups) => {
      answerOf(s, 'rds', 'DescribeDBInstances').DBInstances!.push({
        DBInstanceIdentifier: 'replica',
        ReadReplicaSourceDBInstanceIdentifier: 'orders',
        ...(groups ? { VpcSecurityGroups: groups } : {}),
      });
    },
  ],
  [
    'a load balancer',
    'elb-open-to-web',
    (s, groups) => {
      Object.assign(answerOf(s, 'elbv2', 'DescribeLoadBalancers').LoadBalancers![0]!, {
        SecurityGroups: groups,
      });
    },
  ],
];

describe.each(parts)('%s', (_what, control, strip) => {
  test.each([[undefined], [[] as []]])('with the list %j is unknown', (groups) => {
    const snapshot = soundStack();
    strip(snapshot, groups);
    const finding = findingOf(snapshot, control);
    expect(finding.status).toBe('unknown');
    expect(finding.reason).toContain('security groups of');
  });
});

test('what is open in the groups of another member is still a failure', () => {
  const snapshot = soundStack();
  answerOf(snapshot, 'elasticache', 'DescribeCacheClusters').CacheClusters![1]!.SecurityGroups = [];
  addIngress(snapshot, 'sg-cache', fromCidr(6379, '0.0.0.0/0'));
  expect(statusOf(snapshot, 'cache-only-from-asg')).toBe('fail');
});

test('a network load balancer without groups makes nothing unknown', () => {
  const snapshot = soundStack();
  const [balancer] = answerOf(snapshot, 'elbv2', 'DescribeLoadBalancers').LoadBalancers!;
  answerOf(snapshot, 'elbv2', 'DescribeLoadBalancers').LoadBalancers!.push({
    LoadBalancerArn: 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/other/1',
    LoadBalancerName: 'other',
    Type: 'network',
    State: { Code: 'active' },
  });
  expect(statusOf(snapshot, 'asg-only-from-elb', { loadBalancer: [balancer!.LoadBalancerName!] })).toBe(
    'pass',
  );
});

test('a launch template without groups beside one with groups is unknown', () => {
  const snapshot = soundStack();
  const [group] = answerOf(snapshot, 'autoscaling', 'DescribeAutoScalingGroups').AutoScalingGroups!;
  group!.MixedInstancesPolicy = {
    LaunchTemplate: { LaunchTemplateSpecification: { LaunchTemplateId: 'lt-2', Version: '1' } },
  };
  recordCall(
    snapshot,
    'ec2',
    'DescribeLaunchTemplateVersions',
    { LaunchTemplateId: 'lt-2', Versions: ['1'] },
    {
      ok: true,
      result: {
        LaunchTemplateVersions: [{ LaunchTemplateId: 'lt-2', VersionNumber: 1, LaunchTemplateData: {} }],
      },
    },
  );
  const finding = findingOf(snapshot, 'asg-only-from-elb');
  expect(finding.status).toBe('unknown');
  expect(finding.reason).toContain('declares no security group');
});
