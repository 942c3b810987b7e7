// Caches as ElastiCache would describe them: groups with their shards and members, lone clusters, serverless.
import { isUnknownValue, unknownValue } from '../snapshot.ts';
import type { Draft } from './draft.ts';
import { booleanOf, listOf, numberOf, type Properties, type Resource, recordsOf } from './resources.ts';
import { describeSubnetGroup } from './subnet-groups.ts';

const placedByAws = unknownValue('the template leaves the zone of each node to AWS');

/** The zone of all nodes of a cluster that is not spread: AWS picks it, and whichever it is, it is one. */
export const zoneOfChoice = 'one zone of the choice of AWS';

export function answerCaches(draft: Draft): void {
  const groups = draft.of('AWS::ElastiCache::ReplicationGroup');
  draft.answer('elasticache', 'DescribeReplicationGroups', {
    ReplicationGroups: draft.items('AWS::ElastiCache::ReplicationGroup', describeReplicationGroup),
  });
  draft.answer(
    'elasticache',
    'DescribeCacheClusters',
    {
      CacheClusters: [
        ...draft.items('AWS::ElastiCache::CacheCluster', describeCluster),
        ...groups.flatMap(describeMembers),
      ],
    },
    { ShowCacheNodeInfo: true },
  );
  draft.answer('elasticache', 'DescribeServerlessCaches', {
    ServerlessCaches: draft.items('AWS::ElastiCache::ServerlessCache', describeServerless),
  });
  draft.answer('elasticache', 'DescribeCacheSubnetGroups', {
    CacheSubnetGroups: draft.items('AWS::ElastiCache::SubnetGroup', ({ id, properties }) => ({
      CacheSubnetGroupName: id,
      ...describeSubnetGroup(draft, properties['SubnetIds']),
    })),
  });
  for (const { id, type, properties } of draft.resources) {
    if (!/^AWS::ElastiCache::(ReplicationGroup|CacheCluster|ServerlessCache)$/.test(type)) continue;
    const TagList = properties['Tags'] ?? [];
    draft.answer('elasticache', 'ListTagsForResource', { TagList }, { ResourceName: id });
  }
}

function describeServerless({ id, properties }: Resource): Properties {
  const { Engine, SecurityGroupIds, SubnetIds } = properties;
  // AWS fixes both ports of a serverless cache.
  const port = Engine === 'memcached' ? 11_211 : 6379;
  return {
    ServerlessCacheName: properties['ServerlessCacheName'] ?? id,
    ARN: id,
    Status: 'available',
    Engine,
    SecurityGroupIds: SecurityGroupIds === undefined ? undefined : listOf(SecurityGroupIds),
    SubnetIds: SubnetIds === undefined ? undefined : listOf(SubnetIds),
    Endpoint: { Address: `${id}.endpoint`, Port: isUnknownValue(Engine) ? Engine : port },
    ReaderEndpoint: { Address: `${id}.reader`, Port: isUnknownValue(Engine) ? Engine : port + 1 },
  };
}

interface Member {
  shard: string;
  cluster: string;
  zone: unknown;
}

function describeReplicationGroup(resource: Resource): Properties {
  const { id, properties } = resource;
  const Port = numberOf(properties['Port'], 6379);
  const members = membersOf(resource);
  const shards = isUnknownValue(members) ? [] : [...new Set(members.map((member) => member.shard))];
  const nodeGroups = shards.map((shard) => ({
    NodeGroupId: shard,
    Status: 'available',
    PrimaryEndpoint: { Address: `${id}.primary`, Port },
    NodeGroupMembers: (members as Member[])
      .filter((member) => member.shard === shard)
      .map((member) => ({ CacheClusterId: member.cluster, PreferredAvailabilityZone: member.zone })),
  }));
  return {
    ReplicationGroupId: properties['ReplicationGroupId'] ?? id,
    ARN: id,
    Status: 'available',
    Engine: properties['Engine'] ?? 'redis',
    MultiAZ: toggle(properties['MultiAZEnabled']),
    AutomaticFailover: toggle(properties['AutomaticFailoverEnabled']),
    MemberClusters: isUnknownValue(members) ? members : members.map((member) => member.cluster),
    NodeGroups: isUnknownValue(members) ? members : nodeGroups,
    ConfigurationEndpoint: { Address: `${id}.endpoint`, Port },
  };
}

function describeMembers(resource: Resource): unknown[] {
  const { id, properties } = resource;
  const members = membersOf(resource);
  // One member stands for all where their number can't be known: they wear the same groups.
  const known = isUnknownValue(members) ? [{ cluster: `${id}-member`, zone: members }] : members;
  return known.map((member) => ({
    ...worn(properties),
    CacheClusterId: member.cluster,
    ARN: `${id}.${member.cluster}`,
    ReplicationGroupId: properties['ReplicationGroupId'] ?? id,
    Engine: properties['Engine'] ?? 'redis',
    CacheClusterStatus: 'available',
    NumCacheNodes: 1,
    PreferredAvailabilityZone: member.zone,
    CacheNodes: [
      {
        CacheNodeId: '0001',
        CustomerAvailabilityZone: member.zone,
        Endpoint: { Port: numberOf(properties['Port'], 6379) },
      },
    ],
  }));
}

function describeCluster({ id, properties }: Resource): Properties {
  const memcached = properties['Engine'] === 'memcached';
  const count = numberOf(properties['NumCacheNodes'], 1);
  const zones = listOf(properties['PreferredAvailabilityZones'] ?? properties['PreferredAvailabilityZone']);
  const Port = numberOf(properties['Port'], memcached ? 11211 : 6379);
  const mode = properties['AZMode'];
  // `single-az` is what CloudFormation takes where the template says nothing, whatever zones it lists.
  const spread = mode === 'cross-az' && count !== 1;
  const doubt = [count, mode].find(isUnknownValue);
  return {
    ...worn(properties),
    CacheClusterId: properties['ClusterName'] ?? id,
    ARN: id,
    Engine: properties['Engine'],
    CacheClusterStatus: 'available',
    NumCacheNodes: count,
    PreferredAvailabilityZone: zones.length === 1 ? zones[0] : undefined,
    ConfigurationEndpoint: memcached ? { Address: `${id}.endpoint`, Port } : undefined,
    CacheNodes:
      doubt !== undefined || typeof count !== 'number'
        ? doubt
        : Array.from({ length: count }, (_, index) => ({
            CacheNodeId: String(index + 1).padStart(4, '0'),
            CustomerAvailabilityZone: spread ? (zones[index] ?? placedByAws) : (zones[0] ?? zoneOfChoice),
            Endpoint: { Port },
          })),
  };
}

function worn(properties: Properties): Properties {
  return {
    CacheSubnetGroupName: properties['CacheSubnetGroupName'],
    SecurityGroups: listOf(properties['SecurityGroupIds'] ?? properties['VpcSecurityGroupIds']).map(
      (group) => (isUnknownValue(group) ? group : { SecurityGroupId: group, Status: 'active' }),
    ),
  };
}

/** Every member with its shard and zone, or an unknown value where their number can't be known. */
function membersOf({ id, properties }: Resource): Member[] | { $unknown: string } {
  const configured = recordsOf(properties['NodeGroupConfiguration']);
  const shards = configured.length || numberOf(properties['NumNodeGroups'], 1);
  const replicas = numberOf(properties['ReplicasPerNodeGroup']);
  const whole = numberOf(properties['NumCacheClusters'], replicas === undefined ? 1 : undefined);
  for (const doubt of [shards, replicas, whole]) if (isUnknownValue(doubt)) return doubt;
  const zones = listOf(properties['PreferredCacheClusterAZs']);
  return Array.from({ length: Number(shards) }, (_, shard) => {
    const group = configured[shard] ?? {};
    const replicaZones = listOf(group['ReplicaAvailabilityZones']);
    const own = numberOf(group['ReplicaCount']) ?? (replicaZones.length || undefined) ?? replicas;
    const count = own === undefined ? Number(whole ?? 1) : Number(own) + 1;
    return Array.from({ length: count }, (_, member): Member => {
      const given = member === 0 ? group['PrimaryAvailabilityZone'] : replicaZones[member - 1];
      const name = String(shard + 1).padStart(4, '0');
      return {
        shard: name,
        cluster: `${id}-${name}-${String(member + 1).padStart(3, '0')}`,
        zone: given ?? zones[member] ?? placedByAws,
      };
    });
  }).flat();
}

function toggle(value: unknown): unknown {
  const on = booleanOf(value);
  return isUnknownValue(on) ? on : on ? 'enabled' : 'disabled';
}
