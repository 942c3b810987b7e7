// Databases as RDS would describe them: instances, clusters with their members, subnet groups, proxies.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { type Draft, describeSubnetGroup } from './draft.ts';
import { hardeningOfCluster, hardeningOfInstance, isPublic } from './hardening-defaults.ts';
import { portOf } from './resource-facts.ts';
import { booleanOf, listOf, type Properties, type Resource } from './resources.ts';

const placedByAws = unknownValue('the template leaves the zone of the instance to AWS');

export function answerDatabases(draft: Draft): void {
  const clusters = draft.of('AWS::RDS::DBCluster');
  draft.answer('rds', 'DescribeDBInstances', {
    DBInstances: [
      ...draft
        .perhaps('AWS::RDS::DBInstance')
        .flatMap((instance) => describeOrMarkUnknown(draft, instance, clusters)),
      ...clusters.flatMap((cluster) => describeMultiAzMembers(draft, cluster)),
    ],
  });
  draft.answer('rds', 'DescribeDBClusters', {
    DBClusters: draft.items('AWS::RDS::DBCluster', (resource) => describeCluster(draft, resource)),
  });
  draft.answer('rds', 'DescribeDBSubnetGroups', {
    DBSubnetGroups: draft.items('AWS::RDS::DBSubnetGroup', ({ id, properties }) => ({
      DBSubnetGroupName: id,
      ...describeSubnetGroup(draft, properties['SubnetIds']),
    })),
  });
}

/**
 * Describes an instance. One that may not exist is an unknown database of its own, unless it is a member of a declared
 * cluster.
 */
function describeOrMarkUnknown(draft: Draft, instance: Resource, clusters: Resource[]): unknown[] {
  if (instance.unknownReason === undefined) return [describeInstance(draft, instance)];
  const of = logicalIdOf(draft, 'DBCluster', instance.properties['DBClusterIdentifier']);
  return clusters.some(({ id }) => id === of) ? [] : [instance.unknownReason];
}

function describeInstance(draft: Draft, { id, properties }: Resource): Properties {
  const clusterId = logicalIdOf(draft, 'DBCluster', properties['DBClusterIdentifier']);
  const sourceId = logicalIdOf(draft, 'DBInstance', properties['SourceDBInstanceIdentifier']);
  const sourceClusterId = logicalIdOf(draft, 'DBCluster', properties['SourceDBClusterIdentifier']);
  const cluster = draft.find('AWS::RDS::DBCluster', clusterId);
  const source =
    draft.find('AWS::RDS::DBInstance', sourceId) ?? draft.find('AWS::RDS::DBCluster', sourceClusterId);
  const inherited = cluster ?? source ?? {};
  const engine = properties['Engine'] ?? inherited['Engine'];
  const Port = portOf(properties['Port'] ?? inherited['Port'], engine);
  const multiAz = booleanOf(properties['MultiAZ']);
  return {
    DBInstanceIdentifier: id,
    DBInstanceArn: id,
    DBInstanceStatus: 'available',
    Engine: engine,
    MultiAZ: multiAz,
    // If a standby is in another zone, it does not matter which zone is the first.
    AvailabilityZone: properties['AvailabilityZone'] ?? (multiAz === true ? undefined : placedByAws),
    ...hardeningOfInstance(properties, cluster ?? source),
    Endpoint: { Address: `${id}.endpoint`, Port },
    DbInstancePort: Port,
    DBClusterIdentifier: clusterId,
    ReadReplicaSourceDBInstanceIdentifier: sourceId,
    ReadReplicaSourceDBClusterIdentifier: sourceClusterId,
    VpcSecurityGroups: attachedToDatabase(
      properties['VPCSecurityGroups'] ?? inherited['VpcSecurityGroupIds'] ?? inherited['VPCSecurityGroups'],
    ),
    DBSubnetGroup: subnetGroupOf(draft, properties['DBSubnetGroupName'] ?? inherited['DBSubnetGroupName']),
    TagList: properties['Tags'] ?? [],
  };
}

/** Zones of a Multi-AZ cluster with unknown subnets. RDS picks three different ones. */
export const zonesOfRds = [1, 2, 3].map((number) => `zone ${number} of the choice of RDS`);

function describeCluster(draft: Draft, cluster: Resource): Properties {
  const { id, properties } = cluster;
  const members = membersOf(draft, cluster);
  return {
    DBClusterIdentifier: id,
    DBClusterArn: id,
    Status: 'available',
    Engine: properties['Engine'],
    EngineMode: properties['EngineMode'] ?? 'provisioned',
    Port: portOf(properties['Port'], properties['Engine']),
    DBClusterMembers: members.map((member, index) =>
      isUnknownValue(member) ? member : { DBInstanceIdentifier: member, IsClusterWriter: index === 0 },
    ),
    ReplicationSourceIdentifier: properties['ReplicationSourceIdentifier'],
    ...hardeningOfCluster(properties),
    VpcSecurityGroups: attachedToDatabase(properties['VpcSecurityGroupIds']),
    DBSubnetGroup: properties['DBSubnetGroupName'],
    TagList: properties['Tags'] ?? [],
  };
}

/** The identifier of each member, and an unknown value for each possible member. */
function membersOf(draft: Draft, { id, properties }: Resource): (string | UnknownValue)[] {
  const members = draft.perhaps('AWS::RDS::DBInstance').flatMap((instance) => {
    const of = instance.properties['DBClusterIdentifier'];
    if (isUnknownValue(of)) return [of];
    return logicalIdOf(draft, 'DBCluster', of) === id ? [instance.unknownReason ?? instance.id] : [];
  });
  const kind = [properties['DBClusterInstanceClass'], properties['EngineMode']].find(isUnknownValue);
  const own = kind === undefined ? multiAzMemberIds(id, properties) : [kind];
  if (members.length + own.length > 0 || properties['EngineMode'] === 'serverless')
    return [...members, ...own];
  // Other stacks that know the name of the cluster can add an instance.
  return properties['DBClusterIdentifier'] !== undefined || draft.isTold(id)
    ? [unknownValue(`no instance of ${id} is in the template, and another stack may add some`)]
    : [];
}

/** A cluster with an instance class of its own is not Aurora. It has one writer and two readers, in three zones. */
function isMultiAzCluster(properties: Properties): boolean {
  const { DBClusterInstanceClass: own, Engine: engine } = properties;
  return own !== undefined && !isUnknownValue(own) && !/aurora/i.test(String(engine));
}

function multiAzMemberIds(id: string, properties: Properties): string[] {
  return isMultiAzCluster(properties) ? [1, 2, 3].map((number) => `${id}-instance-${number}`) : [];
}

function describeMultiAzMembers(draft: Draft, { id, properties }: Resource): Properties[] {
  const group = subnetGroupOf(draft, properties['DBSubnetGroupName']);
  const zones = zonesOfMembers(group);
  return multiAzMemberIds(id, properties).map((member, index) => ({
    DBInstanceIdentifier: member,
    DBInstanceArn: member,
    DBInstanceStatus: 'available',
    Engine: properties['Engine'],
    MultiAZ: false,
    PubliclyAccessible: isPublic(properties),
    AvailabilityZone: zones[index % zones.length],
    DBClusterIdentifier: id,
    Endpoint: {
      Address: `${member}.endpoint`,
      Port: portOf(properties['Port'], properties['Engine']),
    },
    VpcSecurityGroups: attachedToDatabase(properties['VpcSecurityGroupIds']),
    DBSubnetGroup: group,
    TagList: [],
  }));
}

/** RDS spreads the three members over as many zones as the subnet group has. */
function zonesOfMembers(group: Properties | undefined): unknown[] {
  const subnets = (group?.['Subnets'] ?? []) as { SubnetAvailabilityZone: { Name: unknown } }[];
  const zones = subnets.map((subnet) => subnet.SubnetAvailabilityZone.Name);
  return zones.length === 0 || zones.some(isUnknownValue) ? zonesOfRds : [...new Set(zones)];
}

const nameProperties = { DBCluster: 'DBClusterIdentifier', DBInstance: 'DBInstanceIdentifier' };

/**
 * Returns the logical id of the declared resource that has this logical id, name or ARN; without one, the name itself.
 */
export function logicalIdOf(draft: Draft, kind: keyof typeof nameProperties, named: unknown): unknown {
  if (typeof named !== 'string') return named;
  const name = withoutArn(named, draft.snapshot.region);
  const declared = draft.perhaps(`AWS::RDS::${kind}`);
  // RDS stores names in lower case.
  const isNamed = (value: unknown) => typeof value === 'string' && value.toLowerCase() === name.toLowerCase();
  const found =
    declared.find(({ id }) => id === name) ??
    declared.find(({ properties }) => isNamed(properties[nameProperties[kind]]));
  return found?.id ?? name;
}

/** An ARN of another region names another database, even if that has the same name. */
function withoutArn(text: string, region: string): string {
  const [, of, name] = /^arn:[^:]*:rds:([^:]*):[^:]*:(?:db|cluster):(.*)$/.exec(text) ?? [];
  return name !== undefined && (of === region || region === '') ? name : text;
}

function subnetGroupOf(draft: Draft, name: unknown): Properties | undefined {
  const group = draft.find('AWS::RDS::DBSubnetGroup', name);
  return group && { DBSubnetGroupName: name, ...describeSubnetGroup(draft, group['SubnetIds']) };
}

function attachedToDatabase(groups: unknown): unknown {
  if (groups === undefined) return unknownValue('it gets the default group of its VPC');
  return listOf(groups).map((group) =>
    isUnknownValue(group) ? group : { VpcSecurityGroupId: group, Status: 'active' },
  );
}

const proxyType = 'AWS::RDS::DBProxy';

export function answerProxies(draft: Draft): void {
  draft.answer('rds', 'DescribeDBProxies', {
    DBProxies: draft.items(proxyType, (proxy) => ({
      DBProxyName: nameOf(proxy),
      DBProxyArn: proxy.id,
      Status: 'available',
      EngineFamily: proxy.properties['EngineFamily'],
      VpcSecurityGroupIds: listOf(proxy.properties['VpcSecurityGroupIds']),
      VpcSubnetIds: listOf(proxy.properties['VpcSubnetIds']),
    })),
  });
  for (const proxy of draft.of(proxyType)) {
    const DBProxyName = nameOf(proxy);
    const Targets = targetsOf(draft, proxy);
    draft.answer('rds', 'DescribeDBProxyTargets', { Targets }, { DBProxyName });
    draft.answer(
      'rds',
      'DescribeDBProxyEndpoints',
      { DBProxyEndpoints: endpointsOf(draft, proxy) },
      { DBProxyName },
    );
  }
}

function nameOf({ id, properties }: Resource): unknown {
  return properties['DBProxyName'] ?? id;
}

/** The resources that refer to this proxy by reference or name, or that may do so. */
function ofProxy(draft: Draft, type: string, proxy: Resource): Resource[] {
  return draft.perhaps(type).filter(({ properties: { DBProxyName: name } }) => {
    return isUnknownValue(name) || name === proxy.id || name === nameOf(proxy);
  });
}

function targetsOf(draft: Draft, proxy: Resource): unknown {
  const groups = ofProxy(draft, 'AWS::RDS::DBProxyTargetGroup', proxy);
  if (groups.length === 0)
    return unknownValue(`no target group of proxy ${proxy.id} is in the template, another stack may have it`);
  return groups.flatMap(({ unknownReason, properties }) => {
    if (unknownReason !== undefined) return [unknownReason];
    if (isUnknownValue(properties['DBProxyName'])) return [properties['DBProxyName']];
    return [
      ...listOf(properties['DBClusterIdentifiers']).map((name) => logicalIdOf(draft, 'DBCluster', name)),
      ...listOf(properties['DBInstanceIdentifiers']).map((name) => logicalIdOf(draft, 'DBInstance', name)),
    ].map((name) => (isUnknownValue(name) ? name : { RdsResourceId: name }));
  });
}

function endpointsOf(draft: Draft, proxy: Resource): unknown[] {
  return ofProxy(draft, 'AWS::RDS::DBProxyEndpoint', proxy).map(({ id, unknownReason, properties }) => {
    if (unknownReason !== undefined) return unknownReason;
    if (isUnknownValue(properties['DBProxyName'])) return properties['DBProxyName'];
    const groups = properties['VpcSecurityGroupIds'];
    return {
      DBProxyEndpointName: properties['DBProxyEndpointName'] ?? id,
      DBProxyEndpointArn: id,
      DBProxyName: nameOf(proxy),
      IsDefault: false,
      TargetRole: properties['TargetRole'] ?? 'READ_WRITE',
      VpcSubnetIds: listOf(properties['VpcSubnetIds']),
      VpcSecurityGroupIds:
        groups === undefined ? unknownValue('it gets the default group of its VPC') : listOf(groups),
    };
  });
}
