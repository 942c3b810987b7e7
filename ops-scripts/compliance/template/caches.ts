// Caches as ElastiCache would describe them: replication groups with members, single clusters, serverless caches.
import { isUnknownValue, unknownValue } from '../snapshot.ts';
import { type Draft, describeSubnetGroup, zoneOfSubnet } from './draft.ts';
import {
  answerCacheUsers,
  hardeningOfCacheCluster,
  hardeningOfReplicationGroup,
  userGroupId,
} from './hardening-defaults.ts';
import {
  booleanOf,
  listOf,
  nameOf,
  numberOf,
  type Properties,
  type Resource,
  recordsOf,
} from './resources.ts';

export function answerCaches(draft: Draft): void {
  answerCacheUsers(draft);
  const groups = draft.of('AWS::ElastiCache::ReplicationGroup');
  draft.answer('elasticache', 'DescribeReplicationGroups', {
    ReplicationGroups: draft.items('AWS::ElastiCache::ReplicationGroup', (group) =>
      describeReplicationGroup(draft, group),
    ),
  });
  draft.answer(
    'elasticache',
    'DescribeCacheClusters',
    {
      CacheClusters: [
        ...draft.items('AWS::ElastiCache::CacheCluster', (cluster) => describeCluster(draft, cluster)),
        ...groups.flatMap(describeMembers),
      ],
    },
    { ShowCacheNodeInfo: true },
  );
  draft.answer('elasticache', 'DescribeServerlessCaches', {
    ServerlessCaches: draft.items('AWS::ElastiCache::ServerlessCache', (cache) =>
      describeServerless(draft, cache),
    ),
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

function describeServerless(draft: Draft, { id, properties }: Resource): Properties {
  const { Engine, SecurityGroupIds, SubnetIds } = properties;
  // AWS fixes both ports of a serverless cache.
  const port = Engine === 'memcached' ? 11_211 : 6379;
  return {
    ServerlessCacheName: nameOf(properties['ServerlessCacheName'], id),
    ARN: id,
    Status: 'available',
    Engine,
    SecurityGroupIds: SecurityGroupIds === undefined ? undefined : listOf(SecurityGroupIds),
    SubnetIds: SubnetIds === undefined ? undefined : listOf(SubnetIds),
    UserGroupId: userGroupId(draft, properties['UserGroupId']),
    Endpoint: { Address: `${id}.endpoint`, Port: isUnknownValue(Engine) ? Engine : port },
    ReaderEndpoint: { Address: `${id}.reader`, Port: isUnknownValue(Engine) ? Engine : port + 1 },
  };
}

function describeCluster(draft: Draft, { id, properties }: Resource): Properties {
  const memcached = properties['Engine'] === 'memcached';
  const count = numberOf(properties['NumCacheNodes'], 1);
  const zones = listOf(properties['PreferredAvailabilityZones'] ?? properties['PreferredAvailabilityZone']);
  const Port = numberOf(properties['Port'], memcached ? 11211 : 6379);
  const mode = properties['AZMode'];
  // CloudFormation's default is `single-az`, whatever zones the template lists.
  const spread = mode === 'cross-az' && count !== 1;
  const spreadOver = zones.length > 0 ? [placedByAws] : zonesToSpread(draft, properties);
  const unknownReason = [count, mode].find(isUnknownValue);
  return {
    ...attachedToNodes(properties),
    ...hardeningOfCacheCluster(properties),
    CacheClusterId: nameOf(properties['ClusterName'], id),
    ARN: id,
    Engine: properties['Engine'],
    CacheClusterStatus: 'available',
    NumCacheNodes: count,
    PreferredAvailabilityZone: zones.length === 1 ? zones[0] : undefined,
    ConfigurationEndpoint: memcached ? { Address: `${id}.endpoint`, Port } : undefined,
    CacheNodes:
      unknownReason !== undefined || typeof count !== 'number'
        ? unknownReason
        : Array.from({ length: count }, (_, index) => ({
            CacheNodeId: String(index + 1).padStart(4, '0'),
            CustomerAvailabilityZone: spread
              ? (zones[index] ?? spreadOver[index % spreadOver.length])
              : (zones[0] ?? zoneOfChoice),
            Endpoint: { Port },
          })),
  };
}

/**
 * The zones over which ElastiCache spreads the nodes: those of the subnets. With unknown subnets, `cross-az` means
 * several zones; with a single one it can't.
 */
function zonesToSpread(draft: Draft, properties: Properties): unknown[] {
  const name = properties['CacheSubnetGroupName'];
  if (name === undefined) return zonesOfElastiCache;
  const id = draft.named('AWS::ElastiCache::SubnetGroup', 'CacheSubnetGroupName', name);
  const subnets = listOf(draft.find('AWS::ElastiCache::SubnetGroup', id)?.['SubnetIds']);
  const zones = subnets.map((subnet) => zoneOfSubnet(draft, subnet)['ZoneName']);
  if (zones.length > 0 && !zones.some(isUnknownValue)) return [...new Set(zones)];
  return zones.length === 1 ? [placedByAws] : zonesOfElastiCache;
}

interface Member {
  shard: string;
  cluster: string;
  zone: unknown;
}

function describeReplicationGroup(draft: Draft, resource: Resource): Properties {
  const { id, properties } = resource;
  const Port = numberOf(properties['Port'], 6379);
  const members = membersOf(resource);
  const hardening = hardeningOfReplicationGroup(properties);
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
    ReplicationGroupId: nameOf(properties['ReplicationGroupId'], id),
    ARN: id,
    Status: 'available',
    Engine: properties['Engine'] ?? 'redis',
    MultiAZ: toggle(properties['MultiAZEnabled']),
    AutomaticFailover: toggle(properties['AutomaticFailoverEnabled']),
    MemberClusters: isUnknownValue(members) ? [standIn(id)] : members.map((member) => member.cluster),
    NodeGroups: isUnknownValue(members) ? members : nodeGroups,
    ConfigurationEndpoint: { Address: `${id}.endpoint`, Port },
    ...hardening,
    UserGroupIds: (hardening['UserGroupIds'] as unknown[]).map((group) => userGroupId(draft, group)),
  };
}

function standIn(id: string): string {
  return `${id}-member`;
}

/** The clusters of a replication group, with one node each. */
function describeMembers(resource: Resource): unknown[] {
  const { id, properties } = resource;
  const members = membersOf(resource);
  // If the number of members is unknown, one stands for all, because they have the same groups.
  const known = isUnknownValue(members) ? [{ cluster: standIn(id), zone: members }] : members;
  return known.map((member) => ({
    ...attachedToNodes(properties),
    CacheClusterId: member.cluster,
    ARN: `${id}.${member.cluster}`,
    ReplicationGroupId: nameOf(properties['ReplicationGroupId'], id),
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

/** Every member with its shard and zone; an unknown value where the number of members is unknown. */
function membersOf({ id, properties }: Resource): Member[] | { $unknown: string } {
  const configured = recordsOf(properties['NodeGroupConfiguration']);
  const shards = configured.length || numberOf(properties['NumNodeGroups'], 1);
  const replicas = numberOf(properties['ReplicasPerNodeGroup']);
  const whole = numberOf(properties['NumCacheClusters'], replicas === undefined ? 1 : undefined);
  for (const unknownReason of [shards, replicas, whole])
    if (isUnknownValue(unknownReason)) return unknownReason;
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

const placedByAws = unknownValue('the template leaves the zone of each node to AWS');

/** Zones of nodes that are spread over unknown subnets. */
export const zonesOfElastiCache = [1, 2].map((number) => `zone ${number} of the choice of ElastiCache`);

/** The zone of all nodes of a cluster that is not spread. AWS picks it, but it is a single zone. */
export const zoneOfChoice = 'one zone of the choice of AWS';

function attachedToNodes(properties: Properties): Properties {
  return {
    CacheSubnetGroupName: properties['CacheSubnetGroupName'],
    SecurityGroups: listOf(properties['SecurityGroupIds'] ?? properties['VpcSecurityGroupIds']).map(
      (group) => (isUnknownValue(group) ? group : { SecurityGroupId: group, Status: 'active' }),
    ),
  };
}
