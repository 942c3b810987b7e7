// Judges whether one part can connect to another: egress, ingress, network ACLs both ways.
// Also finds where connections come from.

import type { Verdict } from '../findings.ts';
import { fixEgress, fixIngress } from '../fixes/write-fix.ts';
import {
  type Attachment,
  describeInterface,
  groupsOf,
  type Inventory,
  whyGroupsUnknown,
} from '../inventory/inventory.ts';
import { describeRule, type GroupRule } from '../inventory/security-groups.ts';
import { aclAllows, aclOf, cidrsOfSubnets, portsApart, subnetsOf } from '../inventory/subnets.ts';
import {
  contains,
  type IntervalSet,
  intersect,
  isEmpty,
  isSubset,
  subtract,
  unite,
} from '../network/interval-set.ts';
import {
  type AddressFamily,
  type AddressRange,
  type Cidr,
  covers,
  formatAddress,
  parseCidr,
} from '../network/traffic.ts';
import {
  type AutoScalingGroupPart,
  describePart,
  type LoadBalancerPart,
  type Part,
  type ProxyPart,
} from '../parts/part.ts';
import { UnknownError } from '../unknown.ts';

export interface Connection {
  from: Part | ProxyPart;
  to: Part | ProxyPart;
  port: number;
}

export function judgeConnection(inventory: Inventory, connection: Connection, verdict: Verdict): void {
  const { from, to, port } = connection;
  const what = `${describePart(from)} → ${describePart(to)} port ${port}`;
  const fromGroups = groupsOf(from, inventory.interfaces);
  const toGroups = groupsOf(to, inventory.interfaces);
  for (const part of [from, to]) whyGroupsUnknown(part, inventory.interfaces).forEach(verdict.unknown);
  const ungrouped = from.kind === 'load-balancer' && from.raw.Type === 'network' && fromGroups.length === 0;
  if (toGroups.length === 0 || (fromGroups.length === 0 && !ungrouped)) {
    verdict.unknown(`${what}: security groups are not known`);
    return;
  }
  verdict.attempt(() => {
    if (
      ungrouped ||
      opens(inventory, { groups: fromGroups, egress: true, port, peerGroups: toGroups, peer: to })
    )
      return;
    verdict.fail({
      reason: `${what}: egress of ${fromGroups.join(', ')} does not let it out`,
      fix: fixEgress(inventory, fromGroups[0]!, toGroups[0]!, port),
    });
  });
  verdict.attempt(() => {
    if (opens(inventory, { groups: toGroups, egress: false, port, peerGroups: fromGroups, peer: from })) {
      verdict.pass(what);
      return;
    }
    verdict.fail({
      reason: `${what}: ${toGroups.join(', ')} does not let it in`,
      fix: fixIngress(inventory, fromGroups[0]!, toGroups[0]!, port),
    });
  });
  verdict.attempt(() => judgeAcls(inventory, { what, ...connection }, verdict));
}

/** One direction of a connection, for the security groups of one end. */
interface Side {
  groups: string[];
  egress: boolean;
  port: number;
  /** The part at the other end. */
  peer: Part | ProxyPart;
  peerGroups: string[];
}

function opens(inventory: Inventory, { groups, egress, port, peer, peerGroups }: Side): boolean {
  const unknownReasons: string[] = [];
  const ranges: AddressRange[] = [];
  for (const id of groups) {
    const group = inventory.groups.byId.get(id);
    if (group === undefined) {
      unknownReasons.push(inventory.groups.unknownReasons[0] ?? `security group ${id} is not in any answer`);
      continue;
    }
    unknownReasons.push(...(egress ? group.egressUnknownReasons : group.unknownReasons));
    if (egress && !group.egressKnown) unknownReasons.push(`egress rules of ${id} are not in the answer`);
    for (const rule of (egress ? group.egress : group.ingress).filter(({ traffic }) =>
      covers(traffic, 'tcp', port),
    )) {
      if (rule.peer.kind === 'group' && peerGroups.includes(rule.peer.id)) return true;
      try {
        ranges.push(...rangesOf(inventory, rule));
      } catch (error) {
        unknownReasons.push(error instanceof Error ? error.message : String(error));
      }
    }
  }
  const open = unite(ranges.filter(({ family }) => family === 'ipv4'));
  if (isSubset([parseCidr('0.0.0.0/0')!], open)) return true;
  if (!isEmpty(open)) {
    const cidrs = subnetCidrs(inventory, peer);
    if (cidrs.length > 0 && isSubset(unite(cidrs), open)) return true;
    const enis = (inventory.interfaces.byOwner.get(peer) ?? []).flatMap(({ addresses }) => addresses);
    const addresses = unite(enis.filter(({ family }) => family === 'ipv4'));
    if (!isEmpty(addresses) && isSubset(addresses, open)) return true;
    if (cidrs.length === 0 && isEmpty(addresses))
      unknownReasons.push(`the addresses of ${describePart(peer)} are not known`);
  }
  if (unknownReasons.length > 0) throw new UnknownError(unknownReasons[0]!);
  return false;
}

function rangesOf(inventory: Inventory, { peer }: GroupRule): AddressRange[] {
  if (peer.kind === 'group') return [];
  const cidrs = peer.kind === 'cidr' ? [peer] : inventory.prefixLists.entriesOf(peer.id);
  return cidrs.flatMap(({ range }) => range ?? []);
}

function subnetCidrs(inventory: Inventory, part: Part | ProxyPart): AddressRange[] {
  return cidrsOfSubnets(inventory, subnetsOf(inventory, part));
}

/**
 * Ports to which responses go back, by Linux's default. If a network ACL blocks one of them, connections fail at
 * random.
 */
const returnPorts = { from: 32_768, to: 60_999 };

function judgeAcls(
  inventory: Inventory,
  { what, from, to, port }: Connection & { what: string },
  verdict: Verdict,
): void {
  for (const [part, peer, egress] of [
    [from, to, true],
    [to, from, false],
  ] as const) {
    const peers = unite(subnetCidrs(inventory, peer));
    if (isEmpty(peers)) continue;
    for (const id of subnetsOf(inventory, part)) {
      const acl = aclOf(inventory, id);
      if (acl === undefined) continue;
      const ways = [
        { open: aclAllows(acl, { egress, protocol: 'tcp', port, family: 'ipv4' }), blocked: `port ${port}` },
        ...portsApart(acl, returnPorts.from, returnPorts.to).map((each) => ({
          open: aclAllows(acl, { egress: !egress, protocol: 'tcp', port: each, family: 'ipv4' }),
          blocked: 'the answers',
        })),
      ];
      // Network ACLs do not apply to traffic within one subnet.
      const within = cidrsOfSubnets(inventory, [id]);
      for (const { open: allowed, blocked } of ways) {
        const open = unite([...allowed, ...within]);
        if (isEmpty(intersect(peers, open)))
          verdict.fail({ reason: `${what}: network ACL ${acl.NetworkAclId} of ${id} stops ${blocked}` });
        else if (!isSubset(peers, open))
          verdict.warn(`${what}: network ACL ${acl.NetworkAclId} of ${id} stops ${blocked} in part`);
      }
    }
  }
}

/** Source addresses of an attachment: those of its interfaces, or the whole subnets where no address is known. */
export function addressesOfAttachment(
  inventory: Inventory,
  { owner, eni }: Attachment,
  groupId: string,
): AddressRange[] {
  const enis = (owner ? (inventory.interfaces.byOwner.get(owner) ?? []) : eni ? [eni] : []).filter(
    ({ groups }) => groups.includes(groupId),
  );
  const addresses = enis.flatMap((each) =>
    each.addresses.length > 0
      ? each.addresses
      : cidrsOfSubnets(inventory, each.subnetId ? [each.subnetId] : []),
  );
  if (addresses.length > 0 || owner === undefined) return addresses;
  return cidrsOfSubnets(inventory, subnetsOf(inventory, owner));
}

/** Addresses on the interfaces of the allowed parts. */
export function addressesOf(inventory: Inventory, parts: readonly Part[], family: string): IntervalSet {
  const enis = parts.flatMap((part) => inventory.interfaces.byOwner.get(part) ?? []);
  return unite(enis.flatMap(({ addresses }) => addresses.filter((range) => range.family === family)));
}

/** Names the source in a path: the internet if the CIDR is public, else the first interface with such an address. */
export function entrance(
  inventory: Inventory,
  cidr: Cidr,
  outside: IntervalSet,
  family: AddressFamily,
): string {
  const name = internetName(cidr);
  if (cidr.isPublic) return name;
  for (const eni of inventory.interfaces.all) {
    const address = eni.addresses.find((range) => range.family === family && contains(outside, range.start));
    if (address !== undefined) return `${describeInterface(eni)} at ${formatAddress(family, address.start)}`;
  }
  return name;
}

/** The most hops that are searched. Longer paths are not shown. */
const hopLimit = 6;

export function internetName({ cidr, isPublic }: Cidr): string {
  return isPublic ? `internet (${cidr})` : `addresses ${cidr}`;
}

/**
 * Returns the hops up to and including the attachment. If no path from the internet is found, it returns the attachment
 * alone.
 */
export function pathTo(inventory: Inventory, attachment: Attachment): string[] {
  let ways: { hops: string[]; attachment: Attachment }[] = [{ hops: [], attachment }];
  const visited = new Set<string>();
  for (let depth = 0; depth < hopLimit; depth += 1) {
    const next: typeof ways = [];
    for (const way of ways) {
      const hops = [way.attachment.name, ...way.hops];
      const { owner, eni } = way.attachment;
      for (const id of owner ? groupsOf(owner, inventory.interfaces) : (eni?.groups ?? [])) {
        if (visited.has(id)) continue;
        visited.add(id);
        for (const rule of inventory.groups.byId.get(id)?.ingress ?? []) {
          if (rule.peer.kind === 'cidr' && rule.peer.isPublic) {
            return [internetName(rule.peer), describeRule(rule), ...hops];
          }
          if (rule.peer.kind !== 'group') continue;
          const before = inventory.attachments
            .of(rule.peer.id)
            .find(({ unknownReason }) => unknownReason === undefined);
          if (before !== undefined) next.push({ hops: [describeRule(rule), ...hops], attachment: before });
        }
      }
    }
    ways = next;
  }
  return [attachment.name];
}

/**
 * Whether clients reach the instances with their own addresses: by a group of the load balancer, or from outside of its
 * subnets.
 */
export function letsClientsIn(
  inventory: Inventory,
  balancer: LoadBalancerPart,
  to: AutoScalingGroupPart,
  port: number,
): boolean {
  const own = groupsOf(balancer, inventory.interfaces);
  const nodes = [
    ...cidrsOfSubnets(inventory, subnetsOf(inventory, balancer)),
    ...(inventory.interfaces.byOwner.get(balancer) ?? []).flatMap(({ addresses }) => addresses),
  ].filter(({ family }) => family === 'ipv4');
  const rules = groupsOf(to, inventory.interfaces)
    .flatMap((id) => inventory.groups.byId.get(id)?.ingress ?? [])
    .filter(({ traffic }) => covers(traffic, 'tcp', port));
  return rules.some(({ peer }) => {
    if (peer.kind === 'group') return own.includes(peer.id);
    const cidrs = peer.kind === 'cidr' ? [peer] : inventory.prefixLists.entriesOf(peer.id);
    const ranges = cidrs.flatMap(({ range }) => (range?.family === 'ipv4' ? [range] : []));
    return !isEmpty(subtract(unite(ranges), unite(nodes)));
  });
}
