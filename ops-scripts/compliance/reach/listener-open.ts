// Whether anything can reach a listener by the load balancer's own security groups.

import { groupsOf, whyGroupsUnknown } from '../inventory/attachments.ts';
import { type GroupRule, whyForeign } from '../inventory/group-rule.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { aclAllows, aclOf } from '../inventory/network-acls.ts';
import { subnetsOf } from '../inventory/subnets.ts';
import { type AddressRange, wholeFamily } from '../network/address.ts';
import { type IntervalSet, intersect, isEmpty, unite } from '../network/interval-set.ts';
import { covers } from '../network/traffic.ts';
import type { LoadBalancerPart } from '../parts/part.ts';
import { isUnknownValue } from '../snapshot.ts';
import { known, UnknownError } from '../unknown.ts';

/** Why nobody reaches the port, or undefined where somebody may; an UnknownError where neither can be said. */
export function closedBecause(
  inventory: Inventory,
  part: LoadBalancerPart,
  protocol: string,
  port: number,
): string | undefined {
  const unknownReasons = [...whyGroupsUnknown(part, inventory.interfaces)];
  const groups = groupsOf(part, inventory.interfaces);
  // A network load balancer without groups is closed by ACLs alone.
  const open: AddressRange[] =
    groups.length === 0 && part.raw.Type === 'network'
      ? [{ family: 'ipv4', ...wholeFamily('ipv4')[0]! }]
      : [];
  for (const id of groups) {
    const group = inventory.groups.byId.get(id);
    if (group === undefined) {
      unknownReasons.push(inventory.groups.unknownReasons[0] ?? `security group ${id} is not in any answer`);
      continue;
    }
    unknownReasons.push(...group.unknownReasons);
    for (const rule of group.ingress.filter(({ traffic }) => covers(traffic, protocol, port))) {
      if (rule.peer.kind === 'group' && letsGroupIn(inventory, rule, unknownReasons)) return undefined;
      open.push(...rangesOf(inventory, rule, unknownReasons));
    }
  }
  if (open.some(({ family }) => family === 'ipv6')) {
    const { IpAddressType: type } = part.raw;
    if (isUnknownValue(type))
      unknownReasons.push(`whether ${part.name} is dual-stack cannot be known: ${type.$unknown}`);
    else if (type?.startsWith('dualstack')) return undefined;
  }
  const byRules = unite(open.filter(({ family }) => family === 'ipv4'));
  const byAcls = isEmpty(byRules) ? byRules : intersect(byRules, letByAcls(inventory, part, protocol, port));
  if (!isEmpty(byAcls)) return undefined;
  if (unknownReasons.length > 0) throw new UnknownError(unknownReasons[0]!);
  if (groups.length === 0 && part.raw.Type !== 'network')
    throw new UnknownError(`no security group of ${part.name} is known`);
  return isEmpty(byRules)
    ? `no rule of ${groups.join(', ')} lets anybody in`
    : 'the network ACLs of its subnets let nobody in';
}

/** Whether the source group is attached to anything. */
function letsGroupIn(inventory: Inventory, { peer }: GroupRule, unknownReasons: string[]): boolean {
  if (peer.kind !== 'group') return false;
  const attachments = inventory.attachments.of(peer.id);
  if (attachments.some(({ unknownReason }) => unknownReason === undefined)) return true;
  const foreign = whyForeign(peer, inventory.groups.byId);
  if (foreign !== undefined) unknownReasons.push(`the group ${peer.id} ${foreign}`);
  else if (!inventory.groups.byId.has(peer.id))
    unknownReasons.push(`the group ${peer.id} is deleted or not in any answer`);
  unknownReasons.push(
    ...attachments.flatMap(({ unknownReason }) => unknownReason ?? []),
    ...inventory.attachments.unknownReasons,
  );
  return false;
}

function rangesOf(inventory: Inventory, { peer }: GroupRule, unknownReasons: string[]): AddressRange[] {
  if (peer.kind === 'group') return [];
  try {
    const cidrs = peer.kind === 'cidr' ? [peer] : inventory.prefixLists.entriesOf(peer.id);
    return cidrs.flatMap(({ range }) => range ?? []);
  } catch (error) {
    unknownReasons.push(error instanceof Error ? error.message : String(error));
    return [];
  }
}

/** The IPv4 addresses that at least one subnet lets in; all where a subnet's ACL is not told. */
function letByAcls(
  inventory: Inventory,
  part: LoadBalancerPart,
  protocol: string,
  port: number,
): IntervalSet {
  const acls = subnetsOf(inventory, part).map((id) => aclOf(inventory, id));
  if (acls.length === 0 || acls.includes(undefined)) return wholeFamily('ipv4');
  return unite(acls.flatMap((acl) => [...aclAllows(known(acl, 'an ACL'), false, protocol, port, 'ipv4')]));
}
