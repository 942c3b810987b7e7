// Replication groups as ElastiCache would describe them: shards, the members of each, and the zones where they stand.
import { isUnknownValue } from '../snapshot.ts';
import { attachedToNodes, placedByAws } from './cache-nodes.ts';
import type { Draft } from './draft.ts';
import { hardeningOfReplicationGroup, userGroupId } from './hardening-defaults.ts';
import {
  booleanOf,
  listOf,
  nameOf,
  numberOf,
  type Properties,
  type Resource,
  recordsOf,
} from './resources.ts';

interface Member {
  shard: string;
  cluster: string;
  zone: unknown;
}

export function describeReplicationGroup(draft: Draft, resource: Resource): Properties {
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
    MemberClusters: isUnknownValue(members) ? members : members.map((member) => member.cluster),
    NodeGroups: isUnknownValue(members) ? members : nodeGroups,
    ConfigurationEndpoint: { Address: `${id}.endpoint`, Port },
    ...hardening,
    UserGroupIds: (hardening['UserGroupIds'] as unknown[]).map((group) => userGroupId(draft, group)),
  };
}

/** The clusters of one node each that a replication group is made of. */
export function describeMembers(resource: Resource): unknown[] {
  const { id, properties } = resource;
  const members = membersOf(resource);
  // One member stands for all where their number can't be known: they have the same groups.
  const known = isUnknownValue(members) ? [{ cluster: `${id}-member`, zone: members }] : members;
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

/** Every member with its shard and zone, or an unknown value where their number can't be known. */
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
