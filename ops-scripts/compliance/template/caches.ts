// Caches as ElastiCache would describe them: replication groups with their members, lone clusters, serverless.
import { isUnknownValue } from '../snapshot.ts';
import { zoneOfSubnet } from './balancers.ts';
import { attachedToNodes, placedByAws, zoneOfChoice, zonesOfElastiCache } from './cache-nodes.ts';
import type { Draft } from './draft.ts';
import { answerCacheUsers, hardeningOfCacheCluster, userGroupId } from './hardening-defaults.ts';
import { describeMembers, describeReplicationGroup } from './replication-groups.ts';
import { listOf, nameOf, numberOf, type Properties, type Resource } from './resources.ts';
import { describeSubnetGroup } from './subnet-groups.ts';

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
  // `single-az` is what CloudFormation takes where the template says nothing, whatever zones it lists.
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

/** ElastiCache spreads the nodes over the zones of its subnets, which it chooses itself where none are told. */
function zonesToSpread(draft: Draft, properties: Properties): unknown[] {
  const name = properties['CacheSubnetGroupName'];
  if (name === undefined) return zonesOfElastiCache;
  const id = draft.named('AWS::ElastiCache::SubnetGroup', 'CacheSubnetGroupName', name);
  const subnets = listOf(draft.find('AWS::ElastiCache::SubnetGroup', id)?.['SubnetIds']);
  const zones = subnets.map((subnet) => zoneOfSubnet(draft, subnet)['ZoneName']);
  return zones.length === 0 || zones.some(isUnknownValue) ? [placedByAws] : [...new Set(zones)];
}
