// A stack that passes every control, as plain data that a test may change in one place.
import type { NetworkInterface, SecurityGroup } from '@aws-sdk/client-ec2';
import {
  type AnswerOf,
  type ClientName,
  type CommandOf,
  emptySnapshot,
  recordCall,
  type Snapshot,
} from '../../../ops-scripts/compliance/snapshot.ts';

export const account = '123456789012';
export const region = 'eu-west-1';
const zones = ['a', 'b'].map((letter) => `${region}${letter}`);
export const balancerArn = `arn:aws:elasticloadbalancing:${region}:${account}:loadbalancer/app/shop/50dc6c495c0c9188`;
export const targetGroupArn = `arn:aws:elasticloadbalancing:${region}:${account}:targetgroup/web/73e2d6bc24d8a067`;
const listenerArn = (port: number) => `${balancerArn.replace('loadbalancer', 'listener')}/${port}`;

/** A fresh snapshot of the sound stack, which a test may change. */
export function soundStack(): Snapshot {
  const snapshot = emptySnapshot(account, region, new Date('2026-11-25T08:00:00Z'));
  const put = <C extends ClientName, N extends CommandOf<C>>(
    client: C,
    command: N,
    result: Partial<AnswerOf<C, N>>,
    input?: object,
  ) => recordCall(snapshot, client, command, input, { ok: true, result });
  putBalancer(put);
  putGroup(put);
  putStores(put);
  putNetwork(put);
  return snapshot;
}

type Put = <C extends ClientName, N extends CommandOf<C>>(
  client: C,
  command: N,
  result: Partial<AnswerOf<C, N>>,
  input?: object,
) => void;

function putBalancer(put: Put): void {
  put('elbv2', 'DescribeLoadBalancers', {
    LoadBalancers: [
      {
        LoadBalancerArn: balancerArn,
        LoadBalancerName: 'shop',
        Type: 'application',
        Scheme: 'internet-facing',
        IpAddressType: 'ipv4',
        VpcId: 'vpc-1',
        State: { Code: 'active' },
        SecurityGroups: ['sg-elb'],
        AvailabilityZones: zones.map((ZoneName, i) => ({ ZoneName, SubnetId: `subnet-public-${i}` })),
      },
    ],
  });
  put('elbv2', 'DescribeTargetGroups', {
    TargetGroups: [
      {
        TargetGroupArn: targetGroupArn,
        TargetGroupName: 'web',
        Port: 3000,
        Protocol: 'HTTP',
        HealthCheckPort: 'traffic-port',
        LoadBalancerArns: [balancerArn],
      },
    ],
  });
  const listeners = [80, 443].map((Port) => ({
    ListenerArn: listenerArn(Port),
    LoadBalancerArn: balancerArn,
    Port,
    Protocol: Port === 80 ? ('HTTP' as const) : ('HTTPS' as const),
    DefaultActions: [
      Port === 80
        ? { Type: 'redirect' as const, RedirectConfig: { Port: '443', StatusCode: 'HTTP_301' as const } }
        : { Type: 'forward' as const, TargetGroupArn: targetGroupArn },
    ],
  }));
  put('elbv2', 'DescribeListeners', { Listeners: listeners }, { LoadBalancerArn: balancerArn });
  for (const { ListenerArn } of listeners) put('elbv2', 'DescribeRules', { Rules: [] }, { ListenerArn });
  put('elbv2', 'DescribeTargetHealth', { TargetHealthDescriptions: [] }, { TargetGroupArn: targetGroupArn });
  put(
    'elbv2',
    'DescribeTags',
    { TagDescriptions: [{ ResourceArn: balancerArn, Tags: [{ Key: 'Stack', Value: 'shop' }] }] },
    { ResourceArns: [balancerArn] },
  );
}

function putGroup(put: Put): void {
  put('autoscaling', 'DescribeAutoScalingGroups', {
    AutoScalingGroups: [
      {
        AutoScalingGroupName: 'web',
        AutoScalingGroupARN: `arn:aws:autoscaling:${region}:${account}:autoScalingGroup:1:autoScalingGroupName/web`,
        MinSize: 2,
        MaxSize: 6,
        DesiredCapacity: 2,
        DefaultCooldown: 300,
        HealthCheckType: 'ELB',
        CreatedTime: new Date('2026-01-01'),
        AvailabilityZones: zones,
        VPCZoneIdentifier: 'subnet-private-0,subnet-private-1',
        TargetGroupARNs: [targetGroupArn],
        LaunchTemplate: { LaunchTemplateId: 'lt-1', Version: '$Latest' },
        Instances: zones.map((AvailabilityZone, i) => ({
          InstanceId: `i-${i}`,
          AvailabilityZone,
          LifecycleState: 'InService' as const,
          HealthStatus: 'Healthy',
          ProtectedFromScaleIn: false,
        })),
        Tags: [{ Key: 'Stack', Value: 'shop' }],
      },
    ],
  });
  put('autoscaling', 'DescribeLaunchConfigurations', { LaunchConfigurations: [] });
  put('autoscaling', 'DescribeScheduledActions', { ScheduledUpdateGroupActions: [] });
  put(
    'ec2',
    'DescribeLaunchTemplateVersions',
    {
      LaunchTemplateVersions: [
        { LaunchTemplateId: 'lt-1', VersionNumber: 1, LaunchTemplateData: { SecurityGroupIds: ['sg-web'] } },
      ],
    },
    { LaunchTemplateId: 'lt-1', Versions: ['$Latest'] },
  );
}

function putStores(put: Put): void {
  const cacheArn = `arn:aws:elasticache:${region}:${account}:replicationgroup:carts`;
  put('elasticache', 'DescribeReplicationGroups', {
    ReplicationGroups: [
      {
        ReplicationGroupId: 'carts',
        ARN: cacheArn,
        Status: 'available',
        MultiAZ: 'enabled',
        AutomaticFailover: 'enabled',
        MemberClusters: ['carts-001', 'carts-002'],
        NodeGroups: [
          {
            NodeGroupId: '0001',
            Status: 'available',
            PrimaryEndpoint: { Address: 'carts', Port: 6379 },
            NodeGroupMembers: zones.map((PreferredAvailabilityZone, i) => ({
              CacheClusterId: `carts-00${i + 1}`,
              PreferredAvailabilityZone,
            })),
          },
        ],
      },
    ],
  });
  put(
    'elasticache',
    'DescribeCacheClusters',
    {
      CacheClusters: zones.map((PreferredAvailabilityZone, i) => ({
        CacheClusterId: `carts-00${i + 1}`,
        ReplicationGroupId: 'carts',
        Engine: 'valkey',
        CacheClusterStatus: 'available',
        CacheSubnetGroupName: 'data',
        PreferredAvailabilityZone,
        SecurityGroups: [{ SecurityGroupId: 'sg-cache', Status: 'active' }],
      })),
    },
    { ShowCacheNodeInfo: true },
  );
  put('elasticache', 'DescribeServerlessCaches', { ServerlessCaches: [] });
  put('elasticache', 'DescribeCacheSubnetGroups', {
    CacheSubnetGroups: [
      {
        CacheSubnetGroupName: 'data',
        Subnets: [0, 1].map((i) => ({ SubnetIdentifier: `subnet-private-${i}` })),
      },
    ],
  });
  put(
    'elasticache',
    'ListTagsForResource',
    { TagList: [{ Key: 'Stack', Value: 'shop' }] },
    { ResourceName: cacheArn },
  );
  put('rds', 'DescribeDBInstances', {
    DBInstances: [
      {
        DBInstanceIdentifier: 'orders',
        DBInstanceArn: `arn:aws:rds:${region}:${account}:db:orders`,
        DBInstanceStatus: 'available',
        Engine: 'postgres',
        MultiAZ: true,
        PubliclyAccessible: false,
        AvailabilityZone: zones[0],
        SecondaryAvailabilityZone: zones[1],
        Endpoint: { Address: 'orders', Port: 5432 },
        DBSubnetGroup: { Subnets: [0, 1].map((i) => ({ SubnetIdentifier: `subnet-private-${i}` })) },
        VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-db', Status: 'active' }],
        TagList: [{ Key: 'Stack', Value: 'shop' }],
      },
    ],
  });
  put('rds', 'DescribeDBClusters', { DBClusters: [] });
  put('rds', 'DescribeDBProxies', { DBProxies: [] });
  put('rds', 'DescribeDBSubnetGroups', { DBSubnetGroups: [] });
}

function putNetwork(put: Put): void {
  put('ec2', 'DescribeSecurityGroups', {
    SecurityGroups: [
      group('sg-elb', [fromCidr(80, '0.0.0.0/0'), fromCidr(443, '0.0.0.0/0')]),
      group('sg-web', [fromGroup(3000, 'sg-elb')]),
      group('sg-cache', [fromGroup(6379, 'sg-web')]),
      group('sg-db', [fromGroup(5432, 'sg-web')]),
    ],
  });
  put('ec2', 'DescribeSecurityGroupRules', { SecurityGroupRules: [] });
  put('ec2', 'DescribeNetworkInterfaces', {
    NetworkInterfaces: [
      networkInterface('eni-elb-0', 'sg-elb', '10.0.0.10', 'ELB app/shop/50dc6c495c0c9188'),
      networkInterface('eni-elb-1', 'sg-elb', '10.0.1.10', 'ELB app/shop/50dc6c495c0c9188'),
      networkInterface('eni-web-0', 'sg-web', '10.0.10.10', '', 'i-0'),
      networkInterface('eni-web-1', 'sg-web', '10.0.11.10', '', 'i-1'),
      networkInterface('eni-cache', 'sg-cache', '10.0.10.20', 'ElastiCache carts-001'),
      networkInterface('eni-db', 'sg-db', '10.0.10.30', 'RDSNetworkInterface'),
    ],
  });
  put('ec2', 'DescribeInstances', { Reservations: [] });
  put('ec2', 'DescribeSubnets', {
    Subnets: [
      ['public', '10.0.0.0/24', '10.0.1.0/24'],
      ['private', '10.0.10.0/24', '10.0.11.0/24'],
    ].flatMap(([name, ...cidrs]) =>
      cidrs.map((CidrBlock, i) => ({
        SubnetId: `subnet-${name}-${i}`,
        VpcId: 'vpc-1',
        CidrBlock,
        AvailabilityZone: zones[i],
      })),
    ),
  });
  put('ec2', 'DescribeVpcs', { Vpcs: [{ VpcId: 'vpc-1', CidrBlock: '10.0.0.0/16' }] });
  put('ec2', 'DescribeManagedPrefixLists', { PrefixLists: [] });
  put('ec2', 'DescribeNetworkAcls', { NetworkAcls: [] });
  put('ec2', 'DescribeRouteTables', { RouteTables: [] });
  put('ec2', 'DescribeAvailabilityZones', {
    AvailabilityZones: zones.map((ZoneName) => ({ ZoneName, ZoneType: 'availability-zone' })),
  });
  put('route53', 'ListHostedZones', { HostedZones: [] });
}

/** A security group with these ingress rules, and with egress to everywhere. */
export function group(id: string, ingress: SecurityGroup['IpPermissions']): SecurityGroup {
  return {
    GroupId: id,
    GroupName: id,
    VpcId: 'vpc-1',
    IpPermissions: ingress,
    IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
  };
}

export function fromCidr(port: number, cidr: string, toPort = port, IpProtocol = 'tcp') {
  return cidr.includes(':')
    ? { IpProtocol, FromPort: port, ToPort: toPort, Ipv6Ranges: [{ CidrIpv6: cidr }] }
    : { IpProtocol, FromPort: port, ToPort: toPort, IpRanges: [{ CidrIp: cidr }] };
}

export function fromGroup(port: number, id: string, toPort = port, IpProtocol = 'tcp') {
  return { IpProtocol, FromPort: port, ToPort: toPort, UserIdGroupPairs: [{ GroupId: id, UserId: account }] };
}

export function fromPrefixList(port: number, id: string) {
  return { IpProtocol: 'tcp', FromPort: port, ToPort: port, PrefixListIds: [{ PrefixListId: id }] };
}

/** A network interface. With an instance it is attached to that. */
export function networkInterface(
  id: string,
  groups: string | string[],
  address: string,
  Description = '',
  instanceId?: string,
): NetworkInterface {
  return {
    NetworkInterfaceId: id,
    Description,
    PrivateIpAddress: address,
    Groups: [groups].flat().map((GroupId) => ({ GroupId })),
    ...(instanceId ? { Attachment: { InstanceId: instanceId } } : {}),
  };
}
