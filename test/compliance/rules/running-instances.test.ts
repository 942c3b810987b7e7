// Running instances must be spread as far as their number allows, whatever number of zones is required.
import { expect, test } from 'vitest';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { soundStack } from '../support/sound-stack.ts';
import { answerOf } from '../support/spoil.ts';

const [a, b, c] = ['a', 'b', 'c'].map((letter) => `eu-west-1${letter}`) as [string, string, string];

/** The group's subnets and the load balancer are in three zones. */
function judged(minZones: number, running: string[]) {
  const snapshot = soundStack();
  const [balancer] = answerOf(snapshot, 'elbv2', 'DescribeLoadBalancers').LoadBalancers!;
  balancer!.AvailabilityZones!.push({ ZoneName: c, SubnetId: 'subnet-public-2' });
  answerOf(snapshot, 'ec2', 'DescribeAvailabilityZones').AvailabilityZones!.push({
    ZoneName: c,
    ZoneType: 'availability-zone',
  });
  answerOf(snapshot, 'ec2', 'DescribeSubnets').Subnets!.push({
    SubnetId: 'subnet-private-2',
    AvailabilityZone: c,
  });
  const [group] = answerOf(snapshot, 'autoscaling', 'DescribeAutoScalingGroups').AutoScalingGroups!;
  group!.VPCZoneIdentifier += ',subnet-private-2';
  group!.Instances = running.map((AvailabilityZone, index) => ({
    InstanceId: `i-${index}`,
    AvailabilityZone,
    LifecycleState: 'InService',
    HealthStatus: 'Healthy',
    ProtectedFromScaleIn: false,
  }));
  const { findings } = judge(snapshot, { mode: 'snapshot', selection: {}, minZones });
  return findings.find(({ control }) => control === 'asg-multi-az')!.status;
}

test('Two running instances in two zones satisfy three required zones, and two in one zone fail', () => {
  expect(judged(3, [a, b])).toBe('pass');
  expect(judged(3, [a, a])).toBe('fail');
  expect(judged(3, [a, b, c])).toBe('pass');
  expect(judged(3, [a, b, b])).toBe('fail');
  expect(judged(2, [a, b, b])).toBe('pass');
  expect(judged(2, [a, a, a])).toBe('fail');
  expect(judged(3, [a])).toBe('pass');
});
