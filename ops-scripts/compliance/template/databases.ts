// Databases as RDS would describe them: instances, clusters with their members, proxies, subnet groups.
import { isUnknownValue, unknownValue } from '../snapshot.ts';
import type { Draft } from './draft.ts';
import { portOf } from './engine-ports.ts';
import { booleanOf, listOf, type Properties, type Resource } from './resources.ts';
import { describeSubnetGroup } from './subnet-groups.ts';

const placedByAws = unknownValue('the template leaves the zone of the instance to AWS');

export function answerDatabases(draft: Draft): void {
  const clusters = draft.of('AWS::RDS::DBCluster');
  draft.answer('rds', 'DescribeDBInstances', {
    DBInstances: [
      ...draft.items('AWS::RDS::DBInstance', (resource) => describeInstance(draft, resource)),
      ...clusters.flatMap((cluster) => describeMultiAzMembers(draft, cluster)),
    ],
  });
  draft.answer('rds', 'DescribeDBClusters', {
    DBClusters: draft.items('AWS::RDS::DBCluster', (resource) => describeCluster(draft, resource)),
  });
  draft.answer('rds', 'DescribeDBProxies', {
    DBProxies: draft.items('AWS::RDS::DBProxy', ({ id, properties }) => ({
      DBProxyName: properties['DBProxyName'] ?? id,
      DBProxyArn: id,
      Status: 'available',
      EngineFamily: properties['EngineFamily'],
      VpcSecurityGroupIds: listOf(properties['VpcSecurityGroupIds']),
      VpcSubnetIds: listOf(properties['VpcSubnetIds']),
    })),
  });
  draft.answer('rds', 'DescribeDBSubnetGroups', {
    DBSubnetGroups: draft.items('AWS::RDS::DBSubnetGroup', ({ id, properties }) => ({
      DBSubnetGroupName: id,
      ...describeSubnetGroup(draft, properties['SubnetIds']),
    })),
  });
}

function describeInstance(draft: Draft, { id, properties }: Resource): Properties {
  const cluster = draft.find('AWS::RDS::DBCluster', properties['DBClusterIdentifier']);
  const source =
    draft.find('AWS::RDS::DBInstance', sourceOf(properties)) ??
    draft.find('AWS::RDS::DBCluster', nameIn(properties['SourceDBClusterIdentifier']));
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
    // With a standby in another zone it does not matter which zone is first.
    AvailabilityZone: properties['AvailabilityZone'] ?? (multiAz === true ? undefined : placedByAws),
    PubliclyAccessible: booleanOf(properties['PubliclyAccessible']),
    Endpoint: { Address: `${id}.endpoint`, Port },
    DbInstancePort: Port,
    DBClusterIdentifier: properties['DBClusterIdentifier'],
    ReadReplicaSourceDBInstanceIdentifier: sourceOf(properties),
    ReadReplicaSourceDBClusterIdentifier: nameIn(properties['SourceDBClusterIdentifier']),
    ReadReplicaDBInstanceIdentifiers: draft
      .of('AWS::RDS::DBInstance')
      .filter((other) => sourceOf(other.properties) === id)
      .map((replica) => replica.id),
    VpcSecurityGroups: worn(
      properties['VPCSecurityGroups'] ?? inherited['VpcSecurityGroupIds'] ?? inherited['VPCSecurityGroups'],
    ),
    DBSubnetGroup: subnetGroupOf(draft, properties['DBSubnetGroupName'] ?? inherited['DBSubnetGroupName']),
    TagList: properties['Tags'] ?? [],
  };
}

/** A source is named by its identifier or by its ARN, as the CDK does. */
function sourceOf(properties: Properties): unknown {
  return nameIn(properties['SourceDBInstanceIdentifier']);
}

function nameIn(source: unknown): unknown {
  return typeof source === 'string' ? source.replace(/^arn:[^:]*:rds:[^:]*:[^:]*:(db|cluster):/, '') : source;
}

function describeCluster(draft: Draft, { id, properties }: Resource): Properties {
  const declared = draft
    .of('AWS::RDS::DBInstance')
    .filter((instance) => instance.properties['DBClusterIdentifier'] === id)
    .map((instance) => instance.id);
  const members = [...declared, ...multiAzMemberIds(id, properties)];
  return {
    DBClusterIdentifier: id,
    DBClusterArn: id,
    Status: 'available',
    Engine: properties['Engine'],
    MultiAZ: isMultiAzCluster(properties) ? true : members.length > 1 ? placedByAws : false,
    Port: portOf(properties['Port'], properties['Engine']),
    DBClusterMembers: members.map((member, index) => ({
      DBInstanceIdentifier: member,
      IsClusterWriter: index === 0,
    })),
    ReplicationSourceIdentifier: properties['ReplicationSourceIdentifier'],
    VpcSecurityGroups: worn(properties['VpcSecurityGroupIds']),
    DBSubnetGroup: properties['DBSubnetGroupName'],
    TagList: properties['Tags'] ?? [],
  };
}

/** A cluster with an instance class of its own is no Aurora: one writer and two readers, in three zones. */
function isMultiAzCluster(properties: Properties): boolean {
  return properties['DBClusterInstanceClass'] !== undefined;
}

function multiAzMemberIds(id: string, properties: Properties): string[] {
  return isMultiAzCluster(properties) ? [1, 2, 3].map((number) => `${id}-instance-${number}`) : [];
}

function describeMultiAzMembers(draft: Draft, { id, properties }: Resource): Properties[] {
  const group = subnetGroupOf(draft, properties['DBSubnetGroupName']);
  const zones = (group?.['Subnets'] as Properties[] | undefined)?.map(
    (subnet) => (subnet['SubnetAvailabilityZone'] as Properties)['Name'],
  );
  return multiAzMemberIds(id, properties).map((member, index) => ({
    DBInstanceIdentifier: member,
    DBInstanceArn: member,
    DBInstanceStatus: 'available',
    Engine: properties['Engine'],
    MultiAZ: false,
    AvailabilityZone: zones?.[index] ?? placedByAws,
    DBClusterIdentifier: id,
    Endpoint: {
      Address: `${member}.endpoint`,
      Port: portOf(properties['Port'], properties['Engine']),
    },
    VpcSecurityGroups: worn(properties['VpcSecurityGroupIds']),
    DBSubnetGroup: group,
    TagList: [],
  }));
}

function subnetGroupOf(draft: Draft, name: unknown): Properties | undefined {
  const group = draft.find('AWS::RDS::DBSubnetGroup', name);
  return group && { DBSubnetGroupName: name, ...describeSubnetGroup(draft, group['SubnetIds']) };
}

function worn(groups: unknown): unknown {
  if (groups === undefined) return unknownValue('it gets the default group of its VPC');
  return listOf(groups).map((group) =>
    isUnknownValue(group) ? group : { VpcSecurityGroupId: group, Status: 'active' },
  );
}
