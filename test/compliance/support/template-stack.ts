// The sound stack as a CloudFormation template, as a person would write it.
import type { GroupName, Hardening, Opening, PartName, Stack, Zone } from './stack.ts';

const zones: Zone[] = ['a', 'b', 'c'];
const logicalIds = {
  web: 'WebGroup',
  app: 'AppGroup',
  store: 'StoreGroup',
  data: 'DataGroup',
  other: 'OtherGroup',
};
const groupId = (name: GroupName | 'sg-elsewhere') =>
  name === 'sg-elsewhere' ? name : { 'Fn::GetAtt': [logicalIds[name], 'GroupId'] };
const subnet = (zone: Zone) => ({ Ref: `Subnet${zone.toUpperCase()}` });
const zoneName = (zone: Zone) => ({ 'Fn::Sub': `\${AWS::Region}${zone}` });

const forward = { Type: 'forward', TargetGroupArn: { Ref: 'Targets' } };
const redirect = {
  Type: 'redirect',
  RedirectConfig: { Protocol: 'HTTPS', Port: '443', StatusCode: 'HTTP_301' },
};

type Declared = { Type: string; Properties: Record<string, unknown> };

export class TemplateStack implements Stack {
  readonly resources: Record<string, Declared> = {};
  #rules = 0;

  constructor() {
    const add = (id: string, Type: string, Properties: Record<string, unknown>) => {
      this.resources[id] = { Type, Properties };
    };
    add('Vpc', 'AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' });
    for (const [index, zone] of zones.entries()) {
      const CidrBlock = {
        'Fn::Select': [index, { 'Fn::Split': [',', '10.0.0.0/24,10.0.1.0/24,10.0.2.0/24'] }],
      };
      add(`Subnet${zone.toUpperCase()}`, 'AWS::EC2::Subnet', {
        VpcId: { Ref: 'Vpc' },
        CidrBlock,
        AvailabilityZone: zoneName(zone),
      });
    }
    for (const [name, id] of Object.entries(logicalIds)) {
      add(id, 'AWS::EC2::SecurityGroup', {
        GroupDescription: name,
        VpcId: { Ref: 'Vpc' },
        SecurityGroupIngress: [],
      });
    }
    add('Balancer', 'AWS::ElasticLoadBalancingV2::LoadBalancer', { Scheme: 'internet-facing' });
    add('Targets', 'AWS::ElasticLoadBalancingV2::TargetGroup', {
      Port: 3000,
      Protocol: 'HTTP',
      VpcId: { Ref: 'Vpc' },
    });
    add('LaunchTemplate', 'AWS::EC2::LaunchTemplate', { LaunchTemplateData: {} });
    const Version = { 'Fn::GetAtt': ['LaunchTemplate', 'LatestVersionNumber'] };
    add('Group', 'AWS::AutoScaling::AutoScalingGroup', {
      MinSize: '2',
      MaxSize: '6',
      TargetGroupARNs: [{ Ref: 'Targets' }],
      LaunchTemplate: { LaunchTemplateId: { Ref: 'LaunchTemplate' }, Version },
    });
    add('CacheSubnets', 'AWS::ElastiCache::SubnetGroup', { Description: 'shop' });
    add('Cache', 'AWS::ElastiCache::ReplicationGroup', {
      ReplicationGroupDescription: 'shop',
      Engine: 'valkey',
      CacheSubnetGroupName: { Ref: 'CacheSubnets' },
    });
    add('DatabaseSubnets', 'AWS::RDS::DBSubnetGroup', { DBSubnetGroupDescription: 'shop' });
    add('Database', 'AWS::RDS::DBInstance', {
      Engine: 'postgres',
      DBSubnetGroupName: { Ref: 'DatabaseSubnets' },
    });
    this.#makeSound();
  }

  #makeSound() {
    for (const part of ['balancer', 'group', 'cache', 'database'] as const) this.place(part, ['a', 'b']);
    this.attach('balancer', ['web']);
    this.attach('group', ['app']);
    this.attach('cache', ['store']);
    this.attach('database', ['data']);
    this.listen([80, 443]);
    this.harden({
      database: { public: false, encrypted: true, backupDays: 14, isProtected: true, logs: ['postgresql'] },
      balancer: { isProtected: true, logs: true },
      cache: { encrypted: true, tls: true, mode: 'required', token: true },
      tokens: 'required',
    });
    this.cache({ multiAz: true, failover: true, zones: ['a', 'b'], port: 6379 });
    this.database({ multiAz: true, port: 5432 });
    this.allow('web', { from: 80, cidr: '0.0.0.0/0' });
    this.allow('web', { from: 443, cidr: '0.0.0.0/0' });
    this.allow('app', { from: 3000, group: 'web' });
    this.allow('store', { from: 6379, group: 'app' });
    this.allow('data', { from: 5432, group: 'app' });
  }

  allow(group: GroupName, opening: Opening) {
    const rule = toRule(opening);
    const number = this.#rules++;
    if (opening.prefixList !== undefined) {
      const Entries = opening.prefixList.map((Cidr) => ({ Cidr }));
      this.resources['List'] = {
        Type: 'AWS::EC2::PrefixList',
        Properties: { PrefixListName: 'list', Entries },
      };
    }
    // Every second rule is a resource of its own, as in generated templates.
    if (number % 2 === 0) {
      (this.resources[logicalIds[group]]!.Properties['SecurityGroupIngress'] as object[]).push(rule);
    } else {
      this.resources[`Rule${number}`] = {
        Type: 'AWS::EC2::SecurityGroupIngress',
        Properties: { GroupId: groupId(group), ...rule },
      };
    }
  }
  close(group: GroupName, port: number) {
    const owner = this.resources[logicalIds[group]]!.Properties;
    owner['SecurityGroupIngress'] = (owner['SecurityGroupIngress'] as { FromPort?: number }[]).filter(
      (rule) => rule.FromPort !== port,
    );
    for (const [id, { Type, Properties }] of Object.entries(this.resources)) {
      const mine = JSON.stringify(Properties['GroupId'])?.includes(logicalIds[group]);
      if (Type === 'AWS::EC2::SecurityGroupIngress' && mine && Properties['FromPort'] === port) {
        delete this.resources[id];
      }
    }
  }
  addMachine(groups: GroupName[]) {
    this.resources[`Machine${Object.keys(this.resources).length}`] = {
      Type: 'AWS::EC2::Instance',
      Properties: { SubnetId: subnet('a'), SecurityGroupIds: groups.map(groupId) },
    };
  }
  attach(part: PartName, groups: GroupName[]) {
    const ids = groups.map(groupId);
    if (part === 'balancer') this.#set('Balancer', { SecurityGroups: ids });
    if (part === 'group') this.#launch({ SecurityGroupIds: ids });
    if (part === 'cache') this.#set('Cache', { SecurityGroupIds: ids });
    if (part === 'database') this.#set('Database', { VPCSecurityGroups: ids });
  }
  place(part: PartName, among: Zone[]) {
    const subnets = among.map(subnet);
    if (part === 'balancer') this.#set('Balancer', { Subnets: subnets });
    if (part === 'group') this.#set('Group', { VPCZoneIdentifier: subnets });
    if (part === 'cache') this.#set('CacheSubnets', { SubnetIds: subnets });
    if (part === 'database') this.#set('DatabaseSubnets', { SubnetIds: subnets });
  }
  resize(minSize: number) {
    this.#set('Group', { MinSize: String(minSize) });
  }
  harden({ database = {}, balancer = {}, cache = {}, tokens }: Hardening) {
    const set = (id: string, properties: Record<string, unknown>) =>
      this.#set(
        id,
        Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)),
      );
    set('Database', {
      PubliclyAccessible: database.public,
      StorageEncrypted: database.encrypted,
      BackupRetentionPeriod: database.backupDays,
      DeletionProtection: database.isProtected,
      EnableCloudwatchLogsExports: database.logs,
    });
    set('Cache', {
      AtRestEncryptionEnabled: cache.encrypted,
      TransitEncryptionEnabled: cache.tls,
      TransitEncryptionMode: cache.mode,
    });
    if (cache.token !== undefined)
      this.resources['Cache']!.Properties['AuthToken'] = cache.token
        ? '{{resolve:secretsmanager:cache:SecretString:token}}'
        : { Ref: 'AWS::NoValue' };
    this.#attribute('deletion_protection.enabled', balancer.isProtected);
    this.#attribute('access_logs.s3.enabled', balancer.logs);
    if (balancer.policy !== undefined) set('Listener443', { SslPolicy: balancer.policy });
    if (balancer.plain) set('Listener80', { DefaultActions: [forward] });
    if (tokens !== undefined) this.#launch({ MetadataOptions: { HttpTokens: tokens } });
  }
  #attribute(Key: string, value: boolean | undefined) {
    if (value === undefined) return;
    const owner = this.resources['Balancer']!.Properties;
    const others = ((owner['LoadBalancerAttributes'] ?? []) as { Key: string }[]).filter(
      (each) => each.Key !== Key,
    );
    owner['LoadBalancerAttributes'] = [...others, { Key, Value: String(value) }];
  }
  #launch(data: object) {
    const { LaunchTemplateData } = this.resources['LaunchTemplate']!.Properties;
    this.#set('LaunchTemplate', { LaunchTemplateData: { ...(LaunchTemplateData as object), ...data } });
  }
  listen(ports: number[]) {
    for (const id of Object.keys(this.resources)) if (id.startsWith('Listener')) delete this.resources[id];
    for (const Port of ports) {
      this.resources[`Listener${Port}`] = {
        Type: 'AWS::ElasticLoadBalancingV2::Listener',
        Properties: {
          LoadBalancerArn: { Ref: 'Balancer' },
          Port,
          ...(Port === 443
            ? {
                Protocol: 'HTTPS',
                SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
                DefaultActions: [forward],
              }
            : { Protocol: 'HTTP', DefaultActions: [redirect] }),
        },
      };
    }
  }
  cache({ multiAz, failover, zones: placed, port }: Parameters<Stack['cache']>[0]) {
    if (multiAz !== undefined) this.#set('Cache', { MultiAZEnabled: multiAz });
    if (failover !== undefined) this.#set('Cache', { AutomaticFailoverEnabled: failover });
    if (port !== undefined) this.#set('Cache', { Port: port });
    if (placed !== undefined) {
      this.#set('Cache', {
        NumCacheClusters: placed.length,
        PreferredCacheClusterAZs: placed.map(zoneName),
      });
    }
  }
  database({ multiAz, port }: Parameters<Stack['database']>[0]) {
    if (multiAz !== undefined) this.#set('Database', { MultiAZ: multiAz });
    if (port !== undefined) this.#set('Database', { Port: String(port) });
  }

  text(): string {
    return JSON.stringify({ AWSTemplateFormatVersion: '2010-09-09', Resources: this.resources });
  }

  #set(id: string, properties: Record<string, unknown>) {
    Object.assign(this.resources[id]!.Properties, properties);
  }
}

function toRule(opening: Opening) {
  const IpProtocol = opening.protocol ?? 'tcp';
  return {
    IpProtocol,
    ...(IpProtocol === '-1' ? {} : { FromPort: opening.from, ToPort: opening.to ?? opening.from }),
    ...(opening.cidr === undefined ? {} : { CidrIp: opening.cidr }),
    ...(opening.cidrIpv6 === undefined ? {} : { CidrIpv6: opening.cidrIpv6 }),
    ...(opening.prefixList === undefined ? {} : { SourcePrefixListId: { Ref: 'List' } }),
    ...(opening.group === undefined ? {} : { SourceSecurityGroupId: groupId(opening.group) }),
  };
}
