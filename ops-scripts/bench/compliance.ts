// Measures how long judging a large account takes, and whether the time grows faster than the account.
import { judge } from '../compliance/judge.ts';
import { emptySnapshot, recordCall, type Snapshot } from '../compliance/snapshot.ts';
import type { BenchResult } from './measure.ts';

/** Interfaces; a fifth as many groups, six times as many rules. */
const sizes = [1000, 3000, 10_000] as const;
const aimMs = 1000;

/** Milliseconds to judge 10,000 interfaces, 2,000 groups and 60,000 rules, against one second on one core. */
export function benchCompliance(): BenchResult {
  const times = sizes.map((interfaces) => {
    const snapshot = makeAccount(interfaces);
    // The first run pays for compiling; the median of five is told.
    const runs = [0, 1, 2, 3, 4].map(() => {
      const startMs = performance.now();
      const { summary } = judge(snapshot, { mode: 'snapshot', selection: {} });
      if (summary.fail === 0) throw new Error('Cannot trust the time as the open rule was not found');
      return performance.now() - startMs;
    });
    return runs.sort((a, b) => a - b)[2]!;
  });
  const largest = times.at(-1)!;
  return {
    bench: 'compliance',
    measured: 'ms to judge 10,000 interfaces, 2,000 groups, 60,000 rules',
    against: 'ms allowed on one core',
    ours: Math.round(largest),
    theirs: aimMs,
    ratio: largest / aimMs,
    aim: 1,
    lessIsBetter: true,
    notes: sizes.map(
      (size, i) =>
        `${size} interfaces: ${times[i]!.toFixed(0)} ms, ${((times[i]! / size) * 1000).toFixed(0)} µs each`,
    ),
  };
}

/** One stack, and beside it machines whose groups open to one another and to CIDRs. */
function makeAccount(interfaces: number): Snapshot {
  const snapshot = emptySnapshot('123456789012', 'eu-west-1', new Date(0));
  const groupCount = interfaces / 5;
  const zones = ['eu-west-1a', 'eu-west-1b'];
  const id = (index: number) => `sg-${index % groupCount}`;
  const put = (key: string, result: object) => {
    snapshot.calls[key] = { ok: true, result: result as Record<string, unknown> };
  };
  const cidr = (n: number) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}/32`;
  recordCall(snapshot, 'ec2', 'DescribeSecurityGroups', undefined, {
    ok: true,
    result: {
      SecurityGroups: Array.from({ length: groupCount }, (_, g) => ({
        GroupId: id(g),
        IpPermissions: Array.from({ length: 15 }, (_, r) => ({
          IpProtocol: 'tcp',
          FromPort: 3000 + r,
          ToPort: 3000 + r,
          UserIdGroupPairs: [{ GroupId: id(g * 7 + r) }],
          IpRanges: [{ CidrIp: cidr(g * 15 + r) }],
        })),
        IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
      })),
    },
  });
  put('ec2.DescribeNetworkInterfaces', {
    NetworkInterfaces: Array.from({ length: interfaces }, (_, i) => ({
      NetworkInterfaceId: `eni-${i}`,
      PrivateIpAddress: cidr(i + 65_536).split('/')[0],
      Groups: [{ GroupId: id(i) }, { GroupId: id(i * 3 + 1) }],
    })),
  });
  put('ec2.DescribeSubnets', {
    Subnets: zones.map((AvailabilityZone, i) => ({
      SubnetId: `subnet-${i}`,
      AvailabilityZone,
      CidrBlock: `10.${i}.0.0/16`,
    })),
  });
  put('elbv2.DescribeLoadBalancers', {
    LoadBalancers: [
      {
        LoadBalancerArn: 'arn:elb',
        LoadBalancerName: 'shop',
        Scheme: 'internet-facing',
        State: { Code: 'active' },
        SecurityGroups: ['sg-0'],
        AvailabilityZones: zones.map((ZoneName) => ({ ZoneName })),
      },
    ],
  });
  put('elbv2.DescribeTargetGroups', {
    TargetGroups: [{ TargetGroupArn: 'arn:tg', Port: 3000, LoadBalancerArns: ['arn:elb'] }],
  });
  put('elbv2.DescribeListeners', {
    Listeners: [{ LoadBalancerArn: 'arn:elb', Port: 443, DefaultActions: [{ TargetGroupArn: 'arn:tg' }] }],
  });
  put('autoscaling.DescribeAutoScalingGroups', {
    AutoScalingGroups: [
      {
        AutoScalingGroupName: 'web',
        MinSize: 2,
        VPCZoneIdentifier: 'subnet-0,subnet-1',
        TargetGroupARNs: ['arn:tg'],
        LaunchConfigurationName: 'web',
        Instances: [],
      },
    ],
  });
  put('autoscaling.DescribeLaunchConfigurations', {
    LaunchConfigurations: [{ LaunchConfigurationName: 'web', SecurityGroups: ['sg-1'] }],
  });
  put('elasticache.DescribeServerlessCaches', {
    ServerlessCaches: [
      {
        ServerlessCacheName: 'carts',
        Status: 'available',
        SubnetIds: ['subnet-0', 'subnet-1'],
        SecurityGroupIds: ['sg-2'],
      },
    ],
  });
  put('rds.DescribeDBInstances', {
    DBInstances: [
      {
        DBInstanceIdentifier: 'orders',
        DBInstanceStatus: 'available',
        Engine: 'postgres',
        MultiAZ: true,
        VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-3' }],
      },
    ],
  });
  return snapshot;
}
