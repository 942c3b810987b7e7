// Measures the time to judge a large account and a large template, and whether it grows faster than their size.
import type { Report } from '../compliance/findings.ts';
import { judge } from '../compliance/judge.ts';
import { emptySnapshot, recordCall, type Snapshot } from '../compliance/snapshot.ts';
import { judgeTemplates } from '../compliance/template/judge-templates.ts';
import { parseTemplate } from '../compliance/template/parse-template.ts';
import { type BenchResult, median } from './measure.ts';

/** Numbers of interfaces. The account has a fifth as many groups and six times as many rules. */
const sizes = [1000, 3000, 10_000] as const;
const aimMs = 1000;
const templateSizes = [500, 2000] as const;
const templateAimMs = 2000;

/**
 * Compares the milliseconds for a large account with one second, and those for a large template with two, on one core.
 */
export function benchCompliance(): BenchResult[] {
  return [benchAccount(), benchTemplate()];
}

function benchAccount(): BenchResult {
  const times = sizes.map((interfaces) => {
    const snapshot = makeAccount(interfaces);
    return medianOfFive(() => judge(snapshot, { mode: 'snapshot', selection: {} }));
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

function benchTemplate(): BenchResult {
  const times = templateSizes.map((resources) => {
    const text = makeTemplate(resources);
    return medianOfFive(() => {
      const given = { parameters: {}, region: 'eu-west-1', account: '123456789012' };
      return judgeTemplates([parseTemplate(text, 'large.json')], given, { selection: {} }).report;
    });
  });
  const largest = times.at(-1)!;
  return {
    bench: 'compliance-template',
    measured: 'ms to read and judge a template of 2,000 resources',
    against: 'ms allowed on one core',
    ours: Math.round(largest),
    theirs: templateAimMs,
    ratio: largest / templateAimMs,
    aim: 1,
    lessIsBetter: true,
    notes: templateSizes.map((size, i) => `${size} resources: ${times[i]!.toFixed(0)} ms`),
  };
}

/** The first run also compiles code. Returns the median of five runs. */
function medianOfFive(run: () => Report): number {
  const times = [0, 1, 2, 3, 4].map(() => {
    const startMs = performance.now();
    const { summary } = run();
    if (summary.fail === 0) throw new Error('Cannot trust the time as the open rule was not found');
    return performance.now() - startMs;
  });
  return median(times);
}

/** A template of one stack with a public database, and beside it instances with groups and rules between them. */
function makeTemplate(count: number): string {
  const group = (name: string) => ({ 'Fn::GetAtt': [name, 'GroupId'] });
  const rule = (owner: string, port: number, from: object) => ({
    Type: 'AWS::EC2::SecurityGroupIngress',
    Properties: { GroupId: group(owner), IpProtocol: 'tcp', FromPort: port, ToPort: port, ...from },
  });
  const from = (name: string) => ({ SourceSecurityGroupId: group(name) });
  const made = (Type: string, Properties: object) => ({ Type: `AWS::${Type}`, Properties });
  const groupOf = () => made('EC2::SecurityGroup', { GroupDescription: 'a group', VpcId: { Ref: 'Vpc' } });
  const subnet = (zone: string) =>
    made('EC2::Subnet', { VpcId: { Ref: 'Vpc' }, AvailabilityZone: { 'Fn::Sub': `\${AWS::Region}${zone}` } });
  const subnets = [{ Ref: 'SubnetA' }, { Ref: 'SubnetB' }];
  const resources: Record<string, object> = {
    Vpc: made('EC2::VPC', { CidrBlock: '10.0.0.0/16' }),
    SubnetA: subnet('a'),
    SubnetB: subnet('b'),
    Web: groupOf(),
    App: groupOf(),
    Data: groupOf(),
    WebIn: rule('Web', 443, { CidrIp: '0.0.0.0/0' }),
    AppIn: rule('App', 3000, from('Web')),
    DataIn: rule('Data', 5432, { CidrIp: '0.0.0.0/0' }),
    Balancer: made('ElasticLoadBalancingV2::LoadBalancer', {
      Subnets: subnets,
      SecurityGroups: [group('Web')],
    }),
    Targets: made('ElasticLoadBalancingV2::TargetGroup', { Port: 3000, Protocol: 'HTTP' }),
    Listener: made('ElasticLoadBalancingV2::Listener', {
      LoadBalancerArn: { Ref: 'Balancer' },
      Port: 443,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: { Ref: 'Targets' } }],
    }),
    Launch: made('EC2::LaunchTemplate', { LaunchTemplateData: { SecurityGroupIds: [group('App')] } }),
    Group: made('AutoScaling::AutoScalingGroup', {
      MinSize: '2',
      VPCZoneIdentifier: subnets,
      TargetGroupARNs: [{ Ref: 'Targets' }],
      LaunchTemplate: { LaunchTemplateId: { Ref: 'Launch' }, Version: '1' },
    }),
    Database: made('RDS::DBInstance', {
      Engine: 'postgres',
      MultiAZ: true,
      VPCSecurityGroups: [group('Data')],
    }),
  };
  for (let index = 0; Object.keys(resources).length < count; index += 1) {
    const [before, next] = [index === 0 ? 'Web' : `Group${index - 1}`, `Group${index}`];
    resources[next] = groupOf();
    resources[`Rule${index}`] = rule(next, 3000 + (index % 1000), from(before));
    resources[`Machine${index}`] = made('EC2::Instance', {
      SubnetId: subnets[index % 2],
      SecurityGroupIds: [group(next), group(before)],
    });
    resources[`Function${index}`] = made('Lambda::Function', {
      VpcConfig: { SubnetIds: subnets, SecurityGroupIds: [group(next)] },
      Environment: { Variables: { TABLE: { 'Fn::Sub': `\${AWS::StackName}-table-${index}` } } },
    });
  }
  return JSON.stringify({ Resources: resources });
}

/** An account of one stack, and beside it instances whose groups open to one another and to CIDRs. */
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
