// Translates planned caches and databases to CloudFormation, with the defaults of the AWS provider.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import type { Properties, Resource } from '../template/resources.ts';
import type { PlannedWorld, Reader } from './reader.ts';
import { eachBlock, resource, type Translations, tagsOf } from './translate-others.ts';

export const storeTranslations: Translations = {
  aws_elasticache_replication_group: translateReplicationGroup,
  aws_elasticache_cluster: (cluster) => {
    // A node of a replication group is translated with its group.
    if (cluster.one('replication_group_id') !== undefined) return [];
    return [
      resource(cluster, 'AWS::ElastiCache::CacheCluster', {
        ClusterName: cluster.one('cluster_id'),
        Engine: cluster.one('engine'),
        NumCacheNodes: cluster.one('num_cache_nodes'),
        AZMode: cluster.one('az_mode'),
        PreferredAvailabilityZone: cluster.one('availability_zone'),
        PreferredAvailabilityZones: cluster.many('preferred_availability_zones'),
        Port: cluster.one('port'),
        CacheSubnetGroupName: cluster.ref('subnet_group_name', 'cacheSubnets'),
        VpcSecurityGroupIds: cluster.refs('security_group_ids', 'group'),
        TransitEncryptionEnabled: cluster.one('transit_encryption_enabled'),
        Tags: tagsOf(cluster),
      }),
    ];
  },
  aws_elasticache_serverless_cache: (cache) => [
    resource(cache, 'AWS::ElastiCache::ServerlessCache', {
      ServerlessCacheName: cache.one('name'),
      Engine: cache.one('engine'),
      SecurityGroupIds: cache.refs('security_group_ids', 'group'),
      SubnetIds: cache.refs('subnet_ids', 'subnet'),
      UserGroupId: cache.ref('user_group_id', 'userGroup'),
      Tags: tagsOf(cache),
    }),
  ],
  aws_elasticache_subnet_group: (group) => [
    resource(group, 'AWS::ElastiCache::SubnetGroup', { SubnetIds: group.refs('subnet_ids', 'subnet') }),
  ],
  aws_elasticache_user_group: (group, world) => [
    resource(group, 'AWS::ElastiCache::UserGroup', {
      UserGroupId: group.one('user_group_id'),
      UserIds: [...asList(group.refs('user_ids', 'user')), ...associatedUsers(group, world)],
    }),
  ],
  aws_elasticache_user: (user) => {
    const mode = user.block('authentication_mode');
    return [
      resource(user, 'AWS::ElastiCache::User', {
        UserId: user.one('user_id'),
        AccessString: user.one('access_string'),
        NoPasswordRequired: user.one('no_password_required'),
        Passwords: user.many('passwords'),
        AuthenticationMode: isUnknownValue(mode) ? mode : mode && { Type: mode.one('type') },
      }),
    ];
  },
  aws_db_instance: translateInstance,
  aws_rds_cluster: translateCluster,
  aws_rds_cluster_instance: (instance) => [
    resource(instance, 'AWS::RDS::DBInstance', {
      DBInstanceIdentifier: instance.one('identifier'),
      DBClusterIdentifier: instance.ref('cluster_identifier', 'databaseCluster'),
      Engine: instance.one('engine'),
      AvailabilityZone: instance.one('availability_zone'),
      // The provider's default is `false`.
      PubliclyAccessible: instance.one('publicly_accessible') ?? false,
      Tags: tagsOf(instance),
    }),
  ],
  aws_db_subnet_group: (group) => [
    resource(group, 'AWS::RDS::DBSubnetGroup', { SubnetIds: group.refs('subnet_ids', 'subnet') }),
  ],
  aws_db_proxy: (proxy) => [
    resource(proxy, 'AWS::RDS::DBProxy', {
      DBProxyName: proxy.one('name'),
      EngineFamily: proxy.one('engine_family'),
      VpcSecurityGroupIds:
        proxy.refs('vpc_security_group_ids', 'group') ?? unknownValue('it gets the default group of its VPC'),
      VpcSubnetIds: proxy.refs('vpc_subnet_ids', 'subnet'),
    }),
  ],
  aws_db_proxy_target: (target) => [
    resource(target, 'AWS::RDS::DBProxyTargetGroup', {
      DBProxyName: target.ref('db_proxy_name', 'proxy'),
      DBInstanceIdentifiers: target.ref('db_instance_identifier', 'database'),
      DBClusterIdentifiers: target.ref('db_cluster_identifier', 'databaseCluster'),
    }),
  ],
  aws_db_proxy_endpoint: (endpoint) => [
    resource(endpoint, 'AWS::RDS::DBProxyEndpoint', {
      DBProxyName: endpoint.ref('db_proxy_name', 'proxy'),
      DBProxyEndpointName: endpoint.one('db_proxy_endpoint_name'),
      TargetRole: endpoint.one('target_role'),
      VpcSubnetIds: endpoint.refs('vpc_subnet_ids', 'subnet'),
      VpcSecurityGroupIds: endpoint.refs('vpc_security_group_ids', 'group'),
    }),
  ],
};

function asList(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function associatedUsers(group: Reader, world: PlannedWorld): unknown[] {
  return world.of('aws_elasticache_user_group_association').flatMap((link) => {
    const of = link.ref('user_group_id', 'userGroup');
    return isUnknownValue(of) ? [of] : of === group.id ? [link.ref('user_id', 'user')] : [];
  });
}

function translateReplicationGroup(group: Reader, world: PlannedWorld): Resource[] {
  // Older versions of the provider give the number of shards in a block.
  const mode = group.block('cluster_mode');
  const inMode = (name: string) => (isUnknownValue(mode) ? mode : mode?.one(name));
  const shards = eachBlock(group, 'node_group_configuration', (shard) => ({
    PrimaryAvailabilityZone: shard.one('primary_availability_zone'),
    ReplicaAvailabilityZones: shard.many('replica_availability_zones'),
    ReplicaCount: shard.one('replica_count'),
  }));
  const added = addedNodes(group, world);
  const count = group.one('num_cache_clusters') ?? group.one('number_cache_clusters');
  const zones = group.many('preferred_cache_cluster_azs') ?? group.many('availability_zones');
  return [
    resource(group, 'AWS::ElastiCache::ReplicationGroup', {
      ReplicationGroupId: group.one('replication_group_id'),
      Engine: group.one('engine'),
      MultiAZEnabled: group.one('multi_az_enabled'),
      AutomaticFailoverEnabled: group.one('automatic_failover_enabled'),
      NumCacheClusters: withAdded(count, added),
      NumNodeGroups: isUnknownValue(shards)
        ? shards
        : (group.one('num_node_groups') ?? inMode('num_node_groups')),
      ReplicasPerNodeGroup: group.one('replicas_per_node_group') ?? inMode('replicas_per_node_group'),
      PreferredCacheClusterAZs: added.length > 0 && Array.isArray(zones) ? zonesWith(zones, added) : zones,
      NodeGroupConfiguration: isUnknownValue(shards) ? undefined : shards,
      Port: group.one('port'),
      CacheSubnetGroupName: group.ref('subnet_group_name', 'cacheSubnets'),
      SecurityGroupIds: group.refs('security_group_ids', 'group'),
      AtRestEncryptionEnabled: group.one('at_rest_encryption_enabled'),
      TransitEncryptionEnabled: group.one('transit_encryption_enabled'),
      TransitEncryptionMode: group.one('transit_encryption_mode'),
      AuthToken: authTokenOf(group),
      GlobalReplicationGroupId: group.one('global_replication_group_id'),
      UserGroupIds: group.refs('user_group_ids', 'userGroup'),
      Tags: tagsOf(group),
    }),
  ];
}

function authTokenOf(group: Reader): unknown {
  const given = group.isGiven('auth_token');
  return isUnknownValue(given) ? given : given ? 'given' : undefined;
}

/** Nodes that are resources of their own. A node whose group is unknown is an unknown value. */
function addedNodes(group: Reader, world: PlannedWorld): (Reader | UnknownValue)[] {
  return world.of('aws_elasticache_cluster').flatMap((node): (Reader | UnknownValue)[] => {
    const of = node.ref('replication_group_id', 'cache');
    if (isUnknownValue(of)) return [of];
    return of === group.id ? [node] : [];
  });
}

function withAdded(count: unknown, added: (Reader | UnknownValue)[]): unknown {
  const unknown = added.find(isUnknownValue);
  if (added.length === 0 || isUnknownValue(count)) return count;
  return unknown ?? Number(count ?? 1) + added.length;
}

function zonesWith(zones: unknown[], added: (Reader | UnknownValue)[]): unknown[] {
  const more = added.map((node) =>
    isUnknownValue(node)
      ? node
      : (node.one('availability_zone') ?? unknownValue(`the plan leaves the zone of ${node.id} to AWS`)),
  );
  return [...zones, ...more];
}

function translateInstance(instance: Reader): Resource[] {
  return [
    resource(instance, 'AWS::RDS::DBInstance', {
      ...sharedByDatabases(instance),
      DBInstanceIdentifier: instance.one('identifier'),
      MultiAZ: instance.one('multi_az'),
      AvailabilityZone: instance.one('availability_zone'),
      // The provider's defaults are `false`, and 0 days of backups.
      PubliclyAccessible: instance.one('publicly_accessible') ?? false,
      BackupRetentionPeriod: instance.one('backup_retention_period') ?? backupsOf(instance),
      SourceDBInstanceIdentifier: instance.ref('replicate_source_db', 'database', 'databaseCluster'),
      DBSnapshotIdentifier: instance.one('snapshot_identifier') ?? restored(instance),
      VPCSecurityGroups: instance.refs('vpc_security_group_ids', 'group'),
    }),
  ];
}

/** The default number of days. A replica has no backups of its own, and a restored database may keep its setting. */
function backupsOf(instance: Reader): unknown {
  if (restored(instance) !== undefined || instance.one('snapshot_identifier') !== undefined)
    return unknownValue('it is restored, and may keep what it had');
  return 0;
}

function restored(planned: Reader): unknown {
  const points = ['restore_to_point_in_time', 's3_import'].map((name) => planned.block(name));
  return points.some((point) => point !== undefined) ? 'a point in time' : undefined;
}

function translateCluster(cluster: Reader): Resource[] {
  return [
    resource(cluster, 'AWS::RDS::DBCluster', {
      ...sharedByDatabases(cluster),
      DBClusterIdentifier: cluster.one('cluster_identifier'),
      EngineMode: cluster.one('engine_mode'),
      DBClusterInstanceClass: cluster.one('db_cluster_instance_class'),
      ReplicationSourceIdentifier: cluster.one('replication_source_identifier'),
      BackupRetentionPeriod: cluster.one('backup_retention_period'),
      SnapshotIdentifier: cluster.one('snapshot_identifier') ?? restored(cluster),
      GlobalClusterIdentifier: cluster.one('global_cluster_identifier'),
      VpcSecurityGroupIds: cluster.refs('vpc_security_group_ids', 'group'),
    }),
  ];
}

function sharedByDatabases(planned: Reader): Properties {
  return {
    Engine: planned.one('engine'),
    Port: planned.one('port'),
    DBSubnetGroupName: planned.ref('db_subnet_group_name', 'databaseSubnets'),
    StorageEncrypted: planned.one('storage_encrypted'),
    DeletionProtection: planned.one('deletion_protection'),
    EnableCloudwatchLogsExports: planned.many('enabled_cloudwatch_logs_exports'),
    Tags: tagsOf(planned),
  };
}
