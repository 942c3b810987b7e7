// A network load balancer may have no groups and keeps client addresses. A gateway one is no way in from the web.
import { describe, expect, test } from 'vitest';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { fromCidr, soundStack } from '../support/sound-stack.ts';
import { answerOf, findingOf, findingsOf, securityGroup, statusOf } from '../support/spoil.ts';

const web = 'elb-open-to-web';
const chain = 'chain-connects';

/** The sound stack behind a network load balancer without groups. Its instances let in these addresses. */
function behindNetworkBalancer(cidrs: string[], protocols = ['TCP', 'TLS']): Snapshot {
  const snapshot = soundStack();
  const [balancer] = answerOf(snapshot, 'elbv2', 'DescribeLoadBalancers').LoadBalancers!;
  Object.assign(balancer!, { Type: 'network', SecurityGroups: undefined });
  answerOf(snapshot, 'elbv2', 'DescribeTargetGroups').TargetGroups![0]!.Protocol = 'TCP';
  for (const [i, listener] of answerOf(snapshot, 'elbv2', 'DescribeListeners').Listeners!.entries())
    Object.assign(listener, { Protocol: protocols[i], DefaultActions: forwardTo(snapshot) });
  for (const networkInterface of answerOf(snapshot, 'ec2', 'DescribeNetworkInterfaces').NetworkInterfaces!)
    if (networkInterface.Description?.startsWith('ELB')) networkInterface.Groups = [];
  securityGroup(snapshot, 'sg-web').IpPermissions = cidrs.map((cidr) => fromCidr(3000, cidr));
  return snapshot;
}

function forwardTo(snapshot: Snapshot, Weight?: number) {
  const [{ TargetGroupArn }] = answerOf(snapshot, 'elbv2', 'DescribeTargetGroups').TargetGroups! as [
    { TargetGroupArn: string },
  ];
  if (Weight === undefined) return [{ Type: 'forward' as const, TargetGroupArn }];
  return [{ Type: 'forward' as const, ForwardConfig: { TargetGroups: [{ TargetGroupArn, Weight }] } }];
}

describe('without groups of its own', () => {
  test('clients get in where the instances let in everyone, which is more than the load balancer', () => {
    const snapshot = behindNetworkBalancer(['0.0.0.0/0']);
    expect(statusOf(snapshot, web)).toBe('pass');
    expect(statusOf(snapshot, chain)).toBe('pass');
    expect(statusOf(snapshot, 'asg-only-from-elb')).toBe('fail');
  });

  test('whether they get in is unknown where the instances let in its own subnets alone', () => {
    const finding = findingOf(behindNetworkBalancer(['10.0.0.0/24', '10.0.1.0/24']), chain);
    expect(finding).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining("clients' addresses"),
    });
  });

  test('nobody gets in where the instances let nobody in', () => {
    expect(statusOf(behindNetworkBalancer([]), chain)).toBe('fail');
  });

  test('a listener for UDP opens no web port, and one for both opens too much', () => {
    expect(statusOf(behindNetworkBalancer(['0.0.0.0/0'], ['UDP', 'TLS']), web)).toBe('fail');
    expect(statusOf(behindNetworkBalancer(['0.0.0.0/0'], ['TCP_UDP', 'TLS']), web)).toBe('fail');
  });

  test('a listener whose port cannot be known is unknown, not a failure', () => {
    const snapshot = behindNetworkBalancer(['0.0.0.0/0']);
    const [listener] = answerOf(snapshot, 'elbv2', 'DescribeListeners').Listeners!;
    Object.assign(listener!, { Port: { $unknown: 'a parameter' } });
    expect(statusOf(snapshot, web)).toBe('unknown');
  });
});

test('a listener that weighs the target group with 0 does not forward to it', () => {
  const judged = (weight: number) => {
    const snapshot = soundStack();
    const listener = answerOf(snapshot, 'elbv2', 'DescribeListeners').Listeners![1]!;
    listener.DefaultActions = forwardTo(snapshot, weight);
    return statusOf(snapshot, chain);
  };
  expect(judged(1)).toBe('pass');
  expect(judged(0)).toBe('fail');
});

describe('a rule for IPv6', () => {
  const judged = (IpAddressType: string) => {
    const snapshot = soundStack();
    Object.assign(answerOf(snapshot, 'elbv2', 'DescribeLoadBalancers').LoadBalancers![0]!, { IpAddressType });
    securityGroup(snapshot, 'sg-elb').IpPermissions = [fromCidr(443, '::/0')];
    return statusOf(snapshot, chain);
  };

  test('opens a listener to somebody where the load balancer is dual-stack, and to nobody where it is not', () => {
    expect(judged('dualstack')).toBe('pass');
    expect(judged('ipv4')).toBe('fail');
  });

  test('is asked for where it cannot be known whether the load balancer is dual-stack', () => {
    const snapshot = soundStack();
    const [balancer] = answerOf(snapshot, 'elbv2', 'DescribeLoadBalancers').LoadBalancers!;
    Object.assign(balancer!, { IpAddressType: { $unknown: 'a parameter' } });
    expect(statusOf(snapshot, web)).toBe('unknown');
    securityGroup(snapshot, 'sg-elb').IpPermissions!.push(
      ...[80, 443].flatMap((port) => [fromCidr(port, '::/1'), fromCidr(port, '8000::/1')]),
    );
    expect(statusOf(snapshot, web)).toBe('pass');
  });
});

test('a gateway load balancer with a group of its own makes the stack no less evident', () => {
  const snapshot = soundStack();
  const arn = 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/gwy/inspect/1';
  answerOf(snapshot, 'elbv2', 'DescribeLoadBalancers').LoadBalancers!.push({
    LoadBalancerArn: arn,
    LoadBalancerName: 'inspect',
    Type: 'gateway',
    State: { Code: 'active' },
  });
  answerOf(snapshot, 'elbv2', 'DescribeTargetGroups').TargetGroups!.push({
    TargetGroupArn: 'arn:firewalls',
    LoadBalancerArns: [arn],
  });
  const groups = answerOf(snapshot, 'autoscaling', 'DescribeAutoScalingGroups').AutoScalingGroups!;
  groups.push({
    ...groups[0]!,
    AutoScalingGroupName: 'firewalls',
    AutoScalingGroupARN: 'arn:asg/firewalls',
    TargetGroupARNs: ['arn:firewalls'],
    Instances: [],
  });
  const undecided = findingsOf(snapshot).filter(({ reason }) => reason.includes('candidates'));
  expect(undecided).toEqual([]);
});
