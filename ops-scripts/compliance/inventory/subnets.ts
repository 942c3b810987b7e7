// The subnets of a part.
import { listAnswers } from '../answers.ts';
import { type AddressRange, parseCidr } from '../network/address.ts';
import type { Part, ProxyPart } from '../parts/part.ts';
import type { Inventory } from './inventory.ts';

export function subnetsOf(inventory: Inventory, part: Part | ProxyPart): string[] {
  return declaredSubnets(inventory, part).filter((id): id is string => typeof id === 'string' && id !== '');
}

/** The IPv4 addresses of these subnets, as far as they are told. */
export function cidrsOfSubnets(inventory: Inventory, subnetIds: string[]): AddressRange[] {
  const ids = new Set(subnetIds);
  return listAnswers(inventory.answers, 'ec2', 'DescribeSubnets', 'Subnets')
    .items.filter(({ SubnetId }) => ids.has(SubnetId ?? ''))
    .flatMap(({ CidrBlock }) => (typeof CidrBlock === 'string' ? (parseCidr(CidrBlock) ?? []) : []));
}

function declaredSubnets(inventory: Inventory, part: Part | ProxyPart): (string | undefined)[] {
  if (part.kind === 'proxy') return part.raw.VpcSubnetIds ?? [];
  if (part.kind === 'load-balancer')
    return (part.raw.AvailabilityZones ?? []).map(({ SubnetId }) => SubnetId);
  if (part.kind === 'auto-scaling-group') {
    const text = part.raw.VPCZoneIdentifier;
    return typeof text === 'string' ? text.split(',').map((id) => id.trim()) : [];
  }
  if (part.kind === 'database') {
    const instance = part.flavor === 'cluster' ? part.members[0] : part.raw;
    const name =
      part.flavor === 'cluster' ? part.raw.DBSubnetGroup : part.raw.DBSubnetGroup?.DBSubnetGroupName;
    const inline = instance?.DBSubnetGroup?.Subnets;
    const listed = listAnswers(inventory.answers, 'rds', 'DescribeDBSubnetGroups', 'DBSubnetGroups').items;
    const subnets = inline ?? listed.find(({ DBSubnetGroupName }) => DBSubnetGroupName === name)?.Subnets;
    return (subnets ?? []).map(({ SubnetIdentifier }) => SubnetIdentifier);
  }
  if (part.flavor === 'serverless') return part.raw.SubnetIds ?? [];
  const name =
    part.flavor === 'cluster' ? part.raw.CacheSubnetGroupName : part.clusters[0]?.CacheSubnetGroupName;
  const listed = listAnswers(
    inventory.answers,
    'elasticache',
    'DescribeCacheSubnetGroups',
    'CacheSubnetGroups',
  ).items;
  const group = listed.find(({ CacheSubnetGroupName }) => CacheSubnetGroupName === name);
  return (group?.Subnets ?? []).map(({ SubnetIdentifier }) => SubnetIdentifier);
}
