// cache-multi-az: each shard of the cache has members in at least two zones, with automatic failover.

import type { CacheCluster } from '@aws-sdk/client-elasticache';
import type { Verdict } from '../findings.ts';
import { chooseFix } from '../fixes/write-fix.ts';
import type { CachePart } from '../parts/part.ts';
import { known, knownList, UnknownError } from '../unknown.ts';
import { type Context, defineControl, findInBetween, requireZones, unlessInBetween } from './control.ts';

export const cacheMultiAz = defineControl({
  id: 'cache-multi-az',
  kind: 'cache',
  title: 'The cache fails over to another Availability Zone, shard by shard',
  why: 'With MultiAZ on, all members of a shard can still stand in one zone, and go with it.',
  how: 'MultiAZ and automatic failover enabled, and every shard with members in at least 2 zones. Memcached: nodes in at least 2 zones. Serverless: subnets in at least 2 zones. A state in between (enabling, modifying) is unknown.',
  blind: 'Whether replicas are in step.',
  remedy:
    'aws elasticache modify-replication-group --replication-group-id ID --multi-az-enabled --automatic-failover-enabled --apply-immediately',
  references: ['https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/AutoFailover.html'],
  needs: [],
  consults: [
    'elasticache.DescribeReplicationGroups',
    'elasticache.DescribeCacheClusters',
    'elasticache.DescribeCacheSubnetGroups',
    'ec2.DescribeAvailabilityZones',
    'ec2.DescribeSubnets',
  ],
  judge(context, part, verdict) {
    verdict.attempt(() => {
      const state = known(
        part.flavor === 'cluster' ? part.raw.CacheClusterStatus : part.raw.Status,
        `the state of ${part.name}`,
      );
      if (!['available', 'snapshotting'].includes(String(state).toLowerCase()))
        verdict.unknown(`${part.name} is ${state}`);
    });
    const settled = unlessInBetween(verdict, part.name, findInBetween(statesOf(part)));
    if (part.flavor === 'serverless') judgeServerless(context, part, settled);
    else if (part.flavor === 'cluster') judgeCluster(context, part.raw, part.name, settled);
    else judgeReplicationGroup(context, part, settled);
  },
});

function statesOf(part: CachePart): unknown[] {
  if (part.flavor === 'cluster') return [part.raw.CacheClusterStatus];
  if (part.flavor === 'serverless') return [part.raw.Status];
  const { Status, MultiAZ, AutomaticFailover, NodeGroups } = part.raw;
  const shards = Array.isArray(NodeGroups) ? NodeGroups.map((shard) => shard?.Status) : [];
  return [Status, MultiAZ, AutomaticFailover, ...shards];
}

function judgeServerless(
  context: Context,
  { raw, name }: Extract<CachePart, { flavor: 'serverless' }>,
  verdict: Verdict,
): void {
  verdict.attempt(() => {
    const subnets = knownList(raw.SubnetIds, `subnets of ${name}`);
    if (subnets.length === 0) throw new UnknownError(`subnets of ${name} are not in the answer`);
    requireZones(context, { what: 'subnets', names: context.inventory.zones.ofSubnets(subnets) }, verdict);
  });
}

function judgeCluster(context: Context, raw: CacheCluster, name: string, verdict: Verdict): void {
  if (String(raw.Engine) !== 'memcached') {
    verdict.fail({ reason: `${name} is a single ${raw.Engine ?? 'Redis'} node without replica` });
    return;
  }
  verdict.attempt(() => {
    const nodes = knownList(raw.CacheNodes, `nodes of ${name}`);
    if (nodes.length === 0) throw new UnknownError(`nodes of ${name} are not in the answer`);
    const zones = nodes.map((node) => known(node.CustomerAvailabilityZone, `the zone of a node of ${name}`));
    requireZones(context, { what: 'nodes', names: zones }, verdict);
  });
}

function judgeReplicationGroup(
  context: Context,
  part: Extract<CachePart, { flavor: 'replication-group' }>,
  verdict: Verdict,
): void {
  const { raw, name } = part;
  const modify = `aws elasticache modify-replication-group --replication-group-id ${name} --apply-immediately`;
  requireEnabled(
    'MultiAZ',
    () => known(raw.MultiAZ, `MultiAZ of ${name}`),
    chooseFix(context.inventory, {
      command: `${modify} --multi-az-enabled --automatic-failover-enabled`,
      template: `set MultiAZEnabled and AutomaticFailoverEnabled of ${name} to true`,
    }),
    verdict,
  );
  requireEnabled(
    'AutomaticFailover',
    () => known(raw.AutomaticFailover, `AutomaticFailover of ${name}`),
    chooseFix(context.inventory, {
      command: `${modify} --automatic-failover-enabled`,
      template: `set AutomaticFailoverEnabled of ${name} to true`,
    }),
    verdict,
  );
  verdict.attempt(() => {
    const shards = knownList(raw.NodeGroups, `shards of ${name}`);
    if (shards.length === 0) throw new UnknownError(`shards of ${name} are not in the answer`);
    for (const shard of shards) {
      verdict.attempt(() => {
        const label = `shard ${shard.NodeGroupId ?? ''} of ${name}`;
        const members = knownList(shard.NodeGroupMembers, `members of ${label}`);
        if (shard.Status && !['available', 'snapshotting'].includes(shard.Status))
          verdict.unknown(`${label} is ${shard.Status}`);
        const zones = members
          .filter(({ PreferredOutpostArn }) => !PreferredOutpostArn)
          .map((member) => {
            const cluster = part.clusters.find(
              ({ CacheClusterId }) => CacheClusterId === member.CacheClusterId,
            );
            const zone = member.PreferredAvailabilityZone ?? cluster?.PreferredAvailabilityZone;
            return known(zone, `the zone of ${member.CacheClusterId} in ${label}`);
          });
        requireZones(
          context,
          {
            what: `members of shard ${shard.NodeGroupId ?? ''}`,
            names: zones,
            fix: chooseFix(context.inventory, {
              command: `aws elasticache increase-replica-count --replication-group-id ${name} --apply-immediately --replica-configuration NodeGroupId=${shard.NodeGroupId},NewReplicaCount=${members.length},PreferredAvailabilityZones=<one zone a member, two of them different>`,
              template: `give each shard of ${name} members in two zones or more (ReplicasPerNodeGroup, PreferredCacheClusterAZs)`,
            }),
          },
          verdict,
        );
      });
    }
  });
}

function requireEnabled(what: string, read: () => string, fix: string, verdict: Verdict): void {
  verdict.attempt(() => {
    const state = String(read());
    if (state === 'enabled') verdict.pass(`${what} enabled`);
    else if (state === 'disabled') verdict.fail({ reason: `${what} is disabled`, fix });
    else verdict.unknown(`${what} is ${state}`);
  });
}
