// The subnets of a part, and the addresses that their network ACLs allow on a port.

import type { NetworkAcl, NetworkAclEntry } from '@aws-sdk/client-ec2';
import { listAnswers } from '../answers.ts';
import { type IntervalSet, intersect, isEmpty, subtract, unite } from '../network/interval-set.ts';
import {
  type AddressFamily,
  type AddressRange,
  covers,
  parseCidr,
  type Traffic,
  toTraffic,
  wholeFamily,
} from '../network/traffic.ts';
import type { Part, ProxyPart } from '../parts/part.ts';
import { attempt, known, knownList } from '../unknown.ts';
import type { Inventory } from './inventory.ts';

export function subnetsOf(inventory: Inventory, part: Part | ProxyPart): string[] {
  return declaredSubnets(inventory, part).filter((id): id is string => typeof id === 'string' && id !== '');
}

/** The IPv4 CIDRs of these subnets, as far as the answers contain them. */
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

/** The network ACL of a subnet, if the snapshot has it. */
export function aclOf(inventory: Inventory, subnetId: string): NetworkAcl | undefined {
  return listAnswers(inventory.answers, 'ec2', 'DescribeNetworkAcls', 'NetworkAcls').items.find((acl) =>
    (acl.Associations ?? []).some(({ SubnetId }) => SubnetId === subnetId),
  );
}

/** The question to a network ACL: one direction, one port, one family of addresses. */
interface AclQuestion {
  egress: boolean;
  protocol: string;
  port: number;
  family: AddressFamily;
}

/** The addresses to which (egress) or from which (ingress) the ACL allows this port. */
export function aclAllows(acl: NetworkAcl, { egress, protocol, port, family }: AclQuestion): IntervalSet {
  let undecided = wholeFamily(family);
  let allowed: IntervalSet = [];
  const entries = entriesOf(acl)
    .filter((entry) => (entry.Egress ?? false) === egress)
    .sort((a, b) => Number(a.RuleNumber) - Number(b.RuleNumber));
  for (const entry of entries) {
    const text = family === 'ipv4' ? entry.CidrBlock : entry.Ipv6CidrBlock;
    const range = text === undefined ? undefined : parseCidr(text);
    const traffic = toTraffic(entry.Protocol ?? '-1', entry.PortRange?.From, entry.PortRange?.To);
    if (range === undefined || range.family !== family || !covers(traffic, protocol, port)) continue;
    const matched = intersect(undecided, [range]);
    if (known(entry.RuleAction, `the action of an entry of ${acl.NetworkAclId}`) === 'allow')
      allowed = unite([...allowed, ...matched]);
    undecided = subtract(undecided, matched);
  }
  return allowed;
}

/** Returns one port for each part of the inclusive range in which the ACL treats all ports alike. */
export function portsApart(acl: NetworkAcl, fromPort: number, toPort: number): number[] {
  const edges = entriesOf(acl).flatMap((entry) => {
    const { fromPort: from, toPort: to } = toTraffic('6', entry.PortRange?.From, entry.PortRange?.To);
    return [from, to + 1];
  });
  return [...new Set([fromPort, ...edges])].filter((port) => port >= fromPort && port <= toPort);
}

function entriesOf(acl: NetworkAcl): NetworkAclEntry[] {
  return knownList(acl.Entries, `entries of network ACL ${acl.NetworkAclId}`);
}

/**
 * Returns the network ACLs of the part's subnets if each of them denies these addresses, so that a rule has no effect
 * today. Returns undefined if one allows some of them. An unreadable ACL denies nothing.
 */
export function aclHides(
  inventory: Inventory,
  part: Part | ProxyPart,
  traffic: Traffic,
  range: AddressRange,
): string | undefined {
  const acls = subnetsOf(inventory, part).map((id) => aclOf(inventory, id));
  const protocol = traffic.protocol === 'udp' ? 'udp' : 'tcp';
  const hides = acls.every((acl) => {
    if (acl === undefined) return false;
    const refuses = () =>
      portsApart(acl, traffic.fromPort, traffic.toPort).every((port) =>
        isEmpty(intersect(aclAllows(acl, { egress: false, protocol, port, family: range.family }), [range])),
      );
    return attempt(refuses, () => undefined) ?? false;
  });
  if (acls.length === 0 || !hides) return undefined;
  return [...new Set(acls.map((acl) => acl?.NetworkAclId))].join(', ');
}
