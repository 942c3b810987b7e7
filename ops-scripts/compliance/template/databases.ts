// Databases as RDS would describe them: instances, clusters with their members, subnet groups.
import { unknownValue } from '../snapshot.ts';
import { describeCluster, describeMultiAzMembers } from './database-clusters.ts';
import { logicalIdOf } from './database-names.ts';
import type { Draft } from './draft.ts';
import { portOf } from './engine-ports.ts';
import { hardeningOfInstance } from './hardening-defaults.ts';
import { booleanOf, type Properties, type Resource } from './resources.ts';
import { describeSubnetGroup } from './subnet-groups.ts';
import { attachedToDatabase, subnetGroupOf } from './what-databases-share.ts';

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

/** One that may not exist is told among the members of its cluster, where it has one: it is no database of its own. */
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
    // With a standby in another zone it does not matter which zone is first.
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
