// The chain from the listener to the stores: what stops a request fails, and what may stop it is a warning.
import { describe, expect, test } from 'vitest';
import {
  fromCidr,
  fromGroup,
  fromPrefixList,
  group,
  soundStack,
  targetGroupArn,
} from '../support/sound-stack.ts';
import { answerOf, findingOf, findingsOf, securityGroup } from '../support/spoil.ts';

const chain = 'chain-connects';

test('a load balancer in subnets without a route to an internet gateway is warned of, and passes', () => {
  const snapshot = soundStack();
  answerOf(snapshot, 'ec2', 'DescribeRouteTables').RouteTables = [
    {
      VpcId: 'vpc-1',
      Associations: [{ Main: true }],
      Routes: [{ DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local' }],
    },
  ];
  const finding = findingOf(snapshot, chain);
  expect(finding.status).toBe('pass');
  expect(finding.warnings).toEqual(['subnet subnet-public-0 of shop has no route to an internet gateway']);
});

describe('the listener that forwards', () => {
  test('on a port that the load balancer lets nobody in on fails', () => {
    const snapshot = soundStack();
    securityGroup(snapshot, 'sg-elb').IpPermissions = [fromCidr(80, '0.0.0.0/0')];
    const finding = findingOf(snapshot, chain);
    expect(finding.status).toBe('fail');
    expect(finding.reason).toContain('listener 443 of shop: no rule of sg-elb lets anybody in');
  });

  test('passes by a source group that is attached to something, and not by one attached to nothing', () => {
    const judged = (source: string) => {
      const snapshot = soundStack();
      answerOf(snapshot, 'ec2', 'DescribeSecurityGroups').SecurityGroups!.push(group('sg-idle', []));
      securityGroup(snapshot, 'sg-elb').IpPermissions = [fromGroup(443, source)];
      return findingOf(snapshot, chain).status;
    };
    expect(judged('sg-web')).toBe('pass');
    expect(judged('sg-idle')).toBe('fail');
    expect(judged('sg-gone')).toBe('unknown');
  });

  test('fails where network ACLs let nobody in', () => {
    const snapshot = soundStack();
    const allow = { RuleNumber: 100, RuleAction: 'allow' as const, CidrBlock: '0.0.0.0/0', Protocol: '6' };
    answerOf(snapshot, 'ec2', 'DescribeNetworkAcls').NetworkAcls = [
      {
        NetworkAclId: 'acl-1',
        Associations: [{ SubnetId: 'subnet-public-0' }, { SubnetId: 'subnet-public-1' }],
        Entries: [
          { ...allow, Egress: false, PortRange: { From: 1024, To: 65_535 } },
          { ...allow, Egress: true, PortRange: { From: 0, To: 65_535 } },
        ],
      },
    ];
    const finding = findingOf(snapshot, chain);
    expect(finding.status).toBe('fail');
    expect(finding.reason).toContain('listener 443 of shop: the network ACLs of its subnets let nobody in');
  });

  test('is warned of where another one is open', () => {
    const snapshot = soundStack();
    const listeners = answerOf(snapshot, 'elbv2', 'DescribeListeners').Listeners!;
    listeners.push({ ...listeners[1]!, ListenerArn: 'arn:listener/8443', Port: 8443 });
    const finding = findingOf(snapshot, chain);
    expect(finding.status).toBe('pass');
    expect(finding.warnings.join()).toContain('listener 8443 of shop');
  });

  test('is unknown where rules of the load balancer are', () => {
    const snapshot = soundStack();
    securityGroup(snapshot, 'sg-elb').IpPermissions = [fromPrefixList(443, 'pl-unread')];
    expect(findingOf(snapshot, chain).status).toBe('unknown');
  });
});

test('a group that is attached by a traffic source is found, and judged as one with target groups', () => {
  const snapshot = soundStack();
  const [web] = answerOf(snapshot, 'autoscaling', 'DescribeAutoScalingGroups').AutoScalingGroups!;
  web!.TargetGroupARNs = [];
  web!.TrafficSources = [{ Identifier: targetGroupArn, Type: 'elbv2' }];
  expect(findingsOf(snapshot).filter(({ status }) => status !== 'pass')).toEqual([]);
  // There are two groups. Without the traffic source, a lone group would count as one of the chosen load balancer.
  const other = { ...web!, AutoScalingGroupName: 'other', AutoScalingGroupARN: 'arn:other' };
  answerOf(snapshot, 'autoscaling', 'DescribeAutoScalingGroups').AutoScalingGroups!.push(other);
  answerOf(snapshot, 'elbv2', 'DescribeLoadBalancers').LoadBalancers![0]!.AvailabilityZones!.pop();
  const zones = findingsOf(snapshot).filter(({ control }) => control === 'asg-multi-az');
  expect(zones.map(({ status, reason }) => `${status} ${reason}`)).toEqual([
    expect.stringContaining('fail eu-west-1b not enabled on load balancer shop'),
    expect.stringContaining('fail eu-west-1b not enabled on load balancer shop'),
  ]);
});
