// Garbage deep in an answer makes only what depends on it unknown and names the call. Other failures still fail.
import { describe, expect, test } from 'vitest';
import { exitCodeOf } from '../../../ops-scripts/compliance/findings.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { writeReport } from '../../../ops-scripts/compliance/report/write-report.ts';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { fromCidr, soundStack } from '../support/sound-stack.ts';
import { addIngress, answerOf, findingOf } from '../support/spoil.ts';

const judged = (snapshot: Snapshot) => judge(snapshot, { mode: 'snapshot', selection: {} });

const spoilt: [call: string, what: string, spoil: (snapshot: Snapshot, garbage: never) => void][] = [
  [
    'ec2.DescribeNetworkInterfaces',
    'groups of an interface',
    (s, garbage) => {
      answerOf(s, 'ec2', 'DescribeNetworkInterfaces').NetworkInterfaces![0]!.Groups = garbage;
    },
  ],
  [
    'ec2.DescribeInstances',
    'tags of an instance',
    (s, garbage) => {
      answerOf(s, 'ec2', 'DescribeInstances').Reservations = [
        { Instances: [{ InstanceId: 'i-9', Tags: garbage }] },
      ];
    },
  ],
  [
    'ec2.DescribeInstances',
    'instances',
    (s, garbage) => {
      answerOf(s, 'ec2', 'DescribeInstances').Reservations = [{ Instances: garbage }];
    },
  ],
  [
    'elbv2.DescribeTargetGroups',
    'load balancers of a target group',
    (s, garbage) => {
      answerOf(s, 'elbv2', 'DescribeTargetGroups').TargetGroups![0]!.LoadBalancerArns = garbage;
    },
  ],
  [
    'autoscaling.DescribeAutoScalingGroups',
    'target groups of a group',
    (s, garbage) => {
      answerOf(s, 'autoscaling', 'DescribeAutoScalingGroups').AutoScalingGroups![0]!.TargetGroupARNs =
        garbage;
    },
  ],
  [
    'autoscaling.DescribeAutoScalingGroups',
    'the name of a group',
    (s, garbage) => {
      answerOf(s, 'autoscaling', 'DescribeAutoScalingGroups').AutoScalingGroups![0]!.AutoScalingGroupName =
        garbage;
    },
  ],
  [
    'elbv2.DescribeLoadBalancers',
    'the ARN of a load balancer',
    (s, garbage) => {
      answerOf(s, 'elbv2', 'DescribeLoadBalancers').LoadBalancers![0]!.LoadBalancerArn = garbage;
    },
  ],
  [
    'elasticache.DescribeCacheClusters',
    'the state of a cache cluster, for its id',
    (s, garbage) => {
      answerOf(s, 'elasticache', 'DescribeCacheClusters').CacheClusters!.push({
        CacheClusterId: garbage,
      });
    },
  ],
];

describe.each(spoilt)('%s with garbage for %s', (call, _what, spoil) => {
  test.each([[[null]], [{}], [7]])('%j is unknown', (garbage) => {
    const snapshot = soundStack();
    spoil(snapshot, garbage as never);
    const report = judged(snapshot);
    for (const form of ['table', 'json', 'sarif', 'junit', 'html', 'ocsf'] as const)
      writeReport({ report, snapshot }, form, { color: false, width: 120 });
    expect(report.summary.fail).toBe(0);
    expect(exitCodeOf(report, 'fail')).toBe(2);
    expect(report.findings.map(({ reason }) => reason).join()).toContain(call);
  });
});

test('a failure beside the garbage is still a failure', () => {
  const snapshot = soundStack();
  addIngress(snapshot, 'sg-db', fromCidr(5432, '0.0.0.0/0'));
  answerOf(snapshot, 'ec2', 'DescribeNetworkInterfaces').NetworkInterfaces![0]!.Groups = [null] as never;
  expect(findingOf(snapshot, 'database-only-from-asg').status).toBe('fail');
});

test('a port that is no number opens nothing that is known', () => {
  const snapshot = soundStack();
  addIngress(snapshot, 'sg-db', { ...fromCidr(0, '0.0.0.0/0'), FromPort: 'x', ToPort: 'y' });
  expect(findingOf(snapshot, 'database-only-from-asg').status).toBe('unknown');
});
