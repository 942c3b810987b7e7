// The sound stack as an account's answers, with the interfaces that AWS creates for each part.
import {
  type ClientName,
  type CommandOf,
  callKey,
  emptySnapshot,
  type Snapshot,
} from '../../../ops-scripts/compliance/snapshot.ts';
import type { GroupName, Hardening, Opening, PartName, Stack, Zone } from './stack.ts';

const region = 'eu-west-1';
const account = '123456789012';
const zoneName = (zone: Zone) => `${region}${zone}`;
const subnetId = (zone: Zone) => `subnet-${zone}`;
const groupId = (name: GroupName | 'sg-elsewhere') => (name === 'sg-elsewhere' ? name : `sg-${name}`);
const arn = (service: string, rest: string) => `arn:aws:${service}:${region}:${account}:${rest}`;
const balancerArn = arn('elasticloadbalancing', 'loadbalancer/app/shop/50dc6c495c0c9188');
const targetGroupArn = arn('elasticloadbalancing', 'targetgroup/shop/73e2d6bc24d8a067');
const listenerArn = (port: number) =>
  arn('elasticloadbalancing', `listener/app/shop/50dc6c495c0c9188/${port}`);

export class AccountStack implements Stack {
  readonly openings = new Map<GroupName, Opening[]>();
  readonly machines: GroupName[][] = [];
  readonly attached: Record<PartName, GroupName[]> = {
    balancer: ['web'],
    group: ['app'],
    cache: ['store'],
    database: ['data'],
  };
  readonly zones: Record<PartName, Zone[]> = {
    balancer: ['a', 'b'],
    group: ['a', 'b'],
    cache: ['a', 'b'],
    database: ['a', 'b'],
  };
  minSize = 2;
  ports = [80, 443];
  cacheState = { multiAz: true, failover: true, zones: ['a', 'b'] as Zone[], port: 6379 };
  databaseState = { multiAz: true, port: 5432 };
  hardening = {
    database: { public: false, encrypted: true, backupDays: 14, isProtected: true, logs: ['postgresql'] },
    balancer: {
      isProtected: true,
      logs: true,
      policy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
      plain: false,
    },
    cache: { encrypted: true, tls: true, mode: 'required', token: true },
    tokens: 'required',
  };

  constructor() {
    this.openings.set('web', [
      { from: 80, cidr: '0.0.0.0/0' },
      { from: 443, cidr: '0.0.0.0/0' },
    ]);
    this.openings.set('app', [{ from: 3000, group: 'web' }]);
    this.openings.set('store', [{ from: 6379, group: 'app' }]);
    this.openings.set('data', [{ from: 5432, group: 'app' }]);
    this.openings.set('other', []);
  }

  allow(group: GroupName, opening: Opening) {
    this.openings.get(group)!.push(opening);
  }
  close(group: GroupName, port: number) {
    this.openings.set(
      group,
      this.openings.get(group)!.filter((opening) => opening.from !== port),
    );
  }
  addMachine(groups: GroupName[]) {
    this.machines.push(groups);
  }
  attach(part: PartName, groups: GroupName[]) {
    this.attached[part] = groups;
  }
  place(part: PartName, zones: Zone[]) {
    this.zones[part] = zones;
  }
  resize(minSize: number) {
    this.minSize = minSize;
  }
  listen(ports: number[]) {
    this.ports = ports;
  }
  cache(changes: Partial<typeof this.cacheState>) {
    Object.assign(this.cacheState, changes);
  }
  database(changes: Partial<typeof this.databaseState>) {
    Object.assign(this.databaseState, changes);
  }

  harden({ tokens, ...parts }: Hardening) {
    for (const part of ['database', 'balancer', 'cache'] as const)
      Object.assign(this.hardening[part], parts[part]);
    if (tokens !== undefined) this.hardening.tokens = tokens;
  }

  snapshot(): Snapshot {
    const snapshot = emptySnapshot(account, region, new Date(0));
    const put = <C extends ClientName>(client: C, command: CommandOf<C>, result: object, input?: object) => {
      snapshot.calls[callKey(client, command, input)] = {
        ok: true,
        result: result as Record<string, unknown>,
      };
    };
    this.#putBalancer(put);
    this.#putGroup(put);
    this.#putCache(put);
    this.#putDatabase(put);
    this.#putNetwork(put);
    return snapshot;
  }

  #putBalancer(put: Put) {
    put('elbv2', 'DescribeLoadBalancers', {
      LoadBalancers: [
        {
          LoadBalancerArn: balancerArn,
          LoadBalancerName: 'shop',
          DNSName: 'shop-1.eu-west-1.elb.amazonaws.com',
          Type: 'application',
          Scheme: 'internet-facing',
          IpAddressType: 'ipv4',
          VpcId: 'vpc-1',
          State: { Code: 'active' },
          AvailabilityZones: this.zones.balancer.map((zone) => ({
            ZoneName: zoneName(zone),
            SubnetId: subnetId(zone),
          })),
          SecurityGroups: this.attached.balancer.map(groupId),
        },
      ],
    });
    put('elbv2', 'DescribeTargetGroups', {
      TargetGroups: [
        {
          TargetGroupArn: targetGroupArn,
          TargetGroupName: 'shop',
          Protocol: 'HTTP',
          Port: 3000,
          VpcId: 'vpc-1',
          TargetType: 'instance',
          HealthCheckPort: 'traffic-port',
          LoadBalancerArns: [balancerArn],
        },
      ],
    });
    const forward = [{ Type: 'forward', TargetGroupArn: targetGroupArn }];
    const listeners = this.ports.map((Port) => ({
      ListenerArn: listenerArn(Port),
      LoadBalancerArn: balancerArn,
      Port,
      ...this.#listens(Port, forward),
    }));
    put('elbv2', 'DescribeListeners', { Listeners: listeners }, { LoadBalancerArn: balancerArn });
    for (const { ListenerArn } of listeners) {
      const { DefaultActions: Actions } = listeners.find((each) => each.ListenerArn === ListenerArn)!;
      const Rules = [{ RuleArn: `${ListenerArn}/default`, IsDefault: true, Actions }];
      put('elbv2', 'DescribeRules', { Rules }, { ListenerArn });
    }
    const TargetHealthDescriptions = this.#instances().map(({ InstanceId }) => ({
      Target: { Id: InstanceId, Port: 3000 },
      TargetHealth: { State: 'healthy' },
    }));
    put('elbv2', 'DescribeTargetHealth', { TargetHealthDescriptions }, { TargetGroupArn: targetGroupArn });
    const { isProtected, logs } = this.hardening.balancer;
    const Attributes = [
      { Key: 'deletion_protection.enabled', Value: String(isProtected) },
      { Key: 'access_logs.s3.enabled', Value: String(logs) },
    ];
    put('elbv2', 'DescribeLoadBalancerAttributes', { Attributes }, { LoadBalancerArn: balancerArn });
    const TagDescriptions = [{ ResourceArn: balancerArn, Tags: [] }];
    put('elbv2', 'DescribeTags', { TagDescriptions }, { ResourceArns: [balancerArn] });
  }

  #listens(port: number, forward: object[]) {
    const { policy, plain } = this.hardening.balancer;
    if (port === 443) return { Protocol: 'HTTPS', SslPolicy: policy, DefaultActions: forward };
    const RedirectConfig = { Protocol: 'HTTPS', Port: '443', StatusCode: 'HTTP_301' };
    return { Protocol: 'HTTP', DefaultActions: plain ? forward : [{ Type: 'redirect', RedirectConfig }] };
  }

  #instances() {
    return this.zones.group.map((zone) => ({ InstanceId: `i-${zone}`, AvailabilityZone: zoneName(zone) }));
  }

  #putGroup(put: Put) {
    const LaunchTemplate = { LaunchTemplateId: 'lt-1', LaunchTemplateName: 'shop', Version: '1' };
    put('autoscaling', 'DescribeAutoScalingGroups', {
      AutoScalingGroups: [
        {
          AutoScalingGroupName: 'shop',
          AutoScalingGroupARN: arn('autoscaling', 'autoScalingGroup:1:autoScalingGroupName/shop'),
          MinSize: this.minSize,
          MaxSize: 6,
          DesiredCapacity: Math.max(2, this.minSize),
          DefaultCooldown: 300,
          HealthCheckType: 'ELB',
          CreatedTime: '2026-01-01T00:00:00.000Z',
          VPCZoneIdentifier: this.zones.group.map(subnetId).join(','),
          AvailabilityZones: this.zones.group.map(zoneName),
          TargetGroupARNs: [targetGroupArn],
          LaunchTemplate,
          Instances: this.#instances().map((instance) => ({
            ...instance,
            LifecycleState: 'InService',
            HealthStatus: 'Healthy',
            ProtectedFromScaleIn: false,
            LaunchTemplate,
          })),
          Tags: [],
        },
      ],
    });
    put('autoscaling', 'DescribeLaunchConfigurations', { LaunchConfigurations: [] });
    put('autoscaling', 'DescribeScheduledActions', { ScheduledUpdateGroupActions: [] });
    const version = {
      LaunchTemplateId: 'lt-1',
      LaunchTemplateName: 'shop',
      VersionNumber: 1,
      DefaultVersion: true,
      LaunchTemplateData: {
        SecurityGroupIds: this.attached.group.map(groupId),
        MetadataOptions: { HttpTokens: this.hardening.tokens, HttpEndpoint: 'enabled' },
      },
    };
    put(
      'ec2',
      'DescribeLaunchTemplateVersions',
      { LaunchTemplateVersions: [version] },
      { LaunchTemplateId: 'lt-1', Versions: ['1'] },
    );
  }

  #putCache(put: Put) {
    const { multiAz, failover, zones, port: Port } = this.cacheState;
    const ARN = arn('elasticache', 'replicationgroup:shop');
    const name = (index: number) => `shop-00${index + 1}`;
    put('elasticache', 'DescribeReplicationGroups', {
      ReplicationGroups: [
        {
          ReplicationGroupId: 'shop',
          ARN,
          Status: 'available',
          Engine: 'valkey',
          MultiAZ: multiAz ? 'enabled' : 'disabled',
          AtRestEncryptionEnabled: this.hardening.cache.encrypted,
          TransitEncryptionEnabled: this.hardening.cache.tls,
          TransitEncryptionMode: this.hardening.cache.mode,
          AuthTokenEnabled: this.hardening.cache.token,
          UserGroupIds: [],
          AutomaticFailover: failover ? 'enabled' : 'disabled',
          MemberClusters: zones.map((_, index) => name(index)),
          NodeGroups: [
            {
              NodeGroupId: '0001',
              Status: 'available',
              PrimaryEndpoint: { Address: 'shop.cache.test', Port },
              NodeGroupMembers: zones.map((zone, index) => ({
                CacheClusterId: name(index),
                CacheNodeId: '0001',
                PreferredAvailabilityZone: zoneName(zone),
                CurrentRole: index === 0 ? 'primary' : 'replica',
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
        CacheClusters: zones.map((zone, index) => ({
          CacheClusterId: name(index),
          ARN: arn('elasticache', `cluster:${name(index)}`),
          ReplicationGroupId: 'shop',
          Engine: 'valkey',
          CacheClusterStatus: 'available',
          NumCacheNodes: 1,
          PreferredAvailabilityZone: zoneName(zone),
          CacheSubnetGroupName: 'shop',
          SecurityGroups: this.attached.cache.map((group) => ({
            SecurityGroupId: groupId(group),
            Status: 'active',
          })),
          CacheNodes: [
            {
              CacheNodeId: '0001',
              CustomerAvailabilityZone: zoneName(zone),
              Endpoint: { Address: `${name(index)}.test`, Port },
            },
          ],
        })),
      },
      { ShowCacheNodeInfo: true },
    );
    put('elasticache', 'DescribeServerlessCaches', { ServerlessCaches: [] });
    put('elasticache', 'DescribeUserGroups', { UserGroups: [] });
    put('elasticache', 'DescribeUsers', { Users: [] });
    put('elasticache', 'DescribeCacheSubnetGroups', {
      CacheSubnetGroups: [
        { CacheSubnetGroupName: 'shop', VpcId: 'vpc-1', Subnets: subnetsOf(this.zones.cache) },
      ],
    });
    put('elasticache', 'ListTagsForResource', { TagList: [] }, { ResourceName: ARN });
  }

  #putDatabase(put: Put) {
    const { multiAz, port: Port } = this.databaseState;
    put('rds', 'DescribeDBInstances', {
      DBInstances: [
        {
          DBInstanceIdentifier: 'shop',
          DBInstanceArn: arn('rds', 'db:shop'),
          DBInstanceStatus: 'available',
          Engine: 'postgres',
          MultiAZ: multiAz,
          AvailabilityZone: zoneName('a'),
          SecondaryAvailabilityZone: multiAz ? zoneName('b') : undefined,
          PubliclyAccessible: this.hardening.database.public,
          StorageEncrypted: this.hardening.database.encrypted,
          BackupRetentionPeriod: this.hardening.database.backupDays,
          DeletionProtection: this.hardening.database.isProtected,
          EnabledCloudwatchLogsExports: this.hardening.database.logs,
          Endpoint: { Address: 'shop.rds.test', Port },
          VpcSecurityGroups: this.attached.database.map((group) => ({
            VpcSecurityGroupId: groupId(group),
            Status: 'active',
          })),
          DBSubnetGroup: {
            DBSubnetGroupName: 'shop',
            VpcId: 'vpc-1',
            Subnets: subnetsOf(this.zones.database),
          },
          ReadReplicaDBInstanceIdentifiers: [],
          TagList: [],
        },
      ],
    });
    put('rds', 'DescribeDBClusters', { DBClusters: [] });
    put('rds', 'DescribeDBProxies', { DBProxies: [] });
    put('rds', 'DescribeDBSubnetGroups', {
      DBSubnetGroups: [
        { DBSubnetGroupName: 'shop', VpcId: 'vpc-1', Subnets: subnetsOf(this.zones.database) },
      ],
    });
  }

  #putNetwork(put: Put) {
    const all: Zone[] = ['a', 'b', 'c'];
    put('ec2', 'DescribeVpcs', {
      Vpcs: [
        {
          VpcId: 'vpc-1',
          CidrBlock: '10.0.0.0/16',
          State: 'available',
          CidrBlockAssociationSet: [
            { AssociationId: 'a-1', CidrBlock: '10.0.0.0/16', CidrBlockState: { State: 'associated' } },
          ],
        },
      ],
    });
    put('ec2', 'DescribeSubnets', {
      Subnets: all.map((zone, index) => ({
        SubnetId: subnetId(zone),
        VpcId: 'vpc-1',
        State: 'available',
        CidrBlock: `10.0.${index}.0/24`,
        AvailabilityZone: zoneName(zone),
      })),
    });
    put('ec2', 'DescribeAvailabilityZones', {
      AvailabilityZones: all.map((zone) => ({
        ZoneName: zoneName(zone),
        State: 'available',
        ZoneType: 'availability-zone',
      })),
    });
    const lists = [...this.openings.values()].flat().flatMap(({ prefixList }) => prefixList ?? []);
    put('ec2', 'DescribeManagedPrefixLists', {
      PrefixLists:
        lists.length === 0
          ? []
          : [
              {
                PrefixListId: 'pl-1',
                PrefixListName: 'list',
                AddressFamily: 'IPv4',
                State: 'create-complete',
                OwnerId: account,
              },
            ],
    });
    if (lists.length > 0) {
      const Entries = lists.map((Cidr) => ({ Cidr }));
      put('ec2', 'GetManagedPrefixListEntries', { Entries }, { PrefixListId: 'pl-1' });
    }
    put('ec2', 'DescribeNetworkAcls', { NetworkAcls: [] });
    put('ec2', 'DescribeRouteTables', { RouteTables: [] });
    put('route53', 'ListHostedZones', { HostedZones: [] });
    this.#putSecurityGroups(put);
    this.#putInterfaces(put);
  }

  #putSecurityGroups(put: Put) {
    const groups = [...this.openings].map(([name, openings]) => ({
      GroupId: groupId(name),
      GroupName: name,
      OwnerId: account,
      VpcId: 'vpc-1',
      IpPermissions: openings.map(toPermission),
      IpPermissionsEgress: [toPermission({ from: 0, protocol: '-1', cidr: '0.0.0.0/0' })],
    }));
    put('ec2', 'DescribeSecurityGroups', { SecurityGroups: groups });
    const rules = groups.flatMap((group) => [
      ...group.IpPermissions.map((permission, index) => toRule(group.GroupId, permission, index, false)),
      ...group.IpPermissionsEgress.map((permission, index) => toRule(group.GroupId, permission, index, true)),
    ]);
    put('ec2', 'DescribeSecurityGroupRules', { SecurityGroupRules: rules });
  }

  #putInterfaces(put: Put) {
    const subnetOf = (zone: Zone) => ({ SubnetId: subnetId(zone), AvailabilityZone: zoneName(zone) });
    const one = (id: string, zone: Zone, groups: GroupName[], more: object) => ({
      NetworkInterfaceId: `eni-${id}`,
      VpcId: 'vpc-1',
      Status: 'in-use',
      ...subnetOf(zone),
      Groups: groups.map((group) => ({ GroupId: groupId(group), GroupName: group })),
      ...more,
    });
    const ofBalancer = this.zones.balancer.map((zone) =>
      one(`elb-${zone}`, zone, this.attached.balancer, {
        Description: 'ELB app/shop/50dc6c495c0c9188',
        InterfaceType: 'interface',
        RequesterId: 'amazon-elb',
      }),
    );
    const ofInstances = this.zones.group.map((zone) =>
      one(`app-${zone}`, zone, this.attached.group, {
        InterfaceType: 'interface',
        Attachment: { AttachmentId: `at-${zone}`, InstanceId: `i-${zone}`, Status: 'attached' },
      }),
    );
    const ofCache = this.cacheState.zones.map((zone, index) =>
      one(`cache-${index}`, zone, this.attached.cache, {
        Description: `ElastiCache shop-00${index + 1}`,
        RequesterId: 'amazon-elasticache',
      }),
    );
    const ofDatabase = one('db', 'a', this.attached.database, {
      Description: 'RDSNetworkInterface',
      RequesterId: 'amazon-rds',
    });
    const ofMachines = this.machines.map((groups, index) =>
      one(`machine-${index}`, 'a', groups, {
        InterfaceType: 'interface',
        Attachment: { AttachmentId: `m-${index}`, InstanceId: `i-machine-${index}`, Status: 'attached' },
      }),
    );
    put('ec2', 'DescribeNetworkInterfaces', {
      NetworkInterfaces: [...ofBalancer, ...ofInstances, ...ofCache, ofDatabase, ...ofMachines],
    });
    const instance = (InstanceId: string, zone: Zone, groups: GroupName[]) => ({
      InstanceId,
      State: { Name: 'running' },
      SubnetId: subnetId(zone),
      VpcId: 'vpc-1',
      SecurityGroups: groups.map((group) => ({ GroupId: groupId(group), GroupName: group })),
    });
    const running = [
      ...this.zones.group.map((zone) => instance(`i-${zone}`, zone, this.attached.group)),
      ...this.machines.map((groups, index) => instance(`i-machine-${index}`, 'a', groups)),
    ];
    put('ec2', 'DescribeInstances', {
      Reservations: running.map((one, index) => ({ ReservationId: `r-${index}`, Instances: [one] })),
    });
  }
}

type Put = <C extends ClientName>(client: C, command: CommandOf<C>, result: object, input?: object) => void;

function subnetsOf(zones: Zone[]) {
  return zones.map((zone) => ({
    SubnetIdentifier: subnetId(zone),
    SubnetAvailabilityZone: { Name: zoneName(zone) },
  }));
}

function toPermission(opening: Opening) {
  const protocol = opening.protocol ?? 'tcp';
  return {
    IpProtocol: protocol,
    ...(protocol === '-1' ? {} : { FromPort: opening.from, ToPort: opening.to ?? opening.from }),
    IpRanges: opening.cidr === undefined ? [] : [{ CidrIp: opening.cidr }],
    Ipv6Ranges: opening.cidrIpv6 === undefined ? [] : [{ CidrIpv6: opening.cidrIpv6 }],
    PrefixListIds: opening.prefixList === undefined ? [] : [{ PrefixListId: 'pl-1' }],
    UserIdGroupPairs:
      opening.group === undefined ? [] : [{ GroupId: groupId(opening.group), UserId: account }],
  };
}

function toRule(group: string, permission: ReturnType<typeof toPermission>, index: number, egress: boolean) {
  const [pair] = permission.UserIdGroupPairs;
  return {
    SecurityGroupRuleId: `sgr-${group}-${egress ? 'out' : 'in'}-${index}`,
    GroupId: group,
    GroupOwnerId: account,
    IsEgress: egress,
    IpProtocol: permission.IpProtocol,
    FromPort: permission.FromPort ?? -1,
    ToPort: permission.ToPort ?? -1,
    CidrIpv4: permission.IpRanges[0]?.CidrIp,
    CidrIpv6: permission.Ipv6Ranges[0]?.CidrIpv6,
    PrefixListId: permission.PrefixListIds[0]?.PrefixListId,
    ReferencedGroupInfo: pair,
  };
}
