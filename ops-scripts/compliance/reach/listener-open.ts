// Whether anybody can reach a listener: some rule of the load balancer's own groups opens its port to someone.
import { Doubt, known } from '../doubt.ts';
import { type AddressRange, wholeFamily } from '../network/address.ts';
import { type IntervalSet, intersect, isEmpty, unite } from '../network/interval-set.ts';
import { covers } from '../network/traffic.ts';
import type { LoadBalancerPart } from '../parts/part.ts';
import { isUnknownValue } from '../snapshot.ts';
import type { GroupRule } from '../world/group-rule.ts';
import { aclAllows, aclOf } from '../world/network-acls.ts';
import { subnetsOf } from '../world/subnets.ts';
import { groupDoubtsOf, groupsOf } from '../world/wearers.ts';
import type { World } from '../world/world.ts';

/** Why nobody reaches the port, or undefined where somebody may; a Doubt where neither can be said. */
export function closedBecause(
  world: World,
  part: LoadBalancerPart,
  protocol: string,
  port: number,
): string | undefined {
  const doubts = [...groupDoubtsOf(part, world.interfaces)];
  const groups = groupsOf(part, world.interfaces);
  // A network load balancer without groups is closed by ACLs alone.
  const open: AddressRange[] =
    groups.length === 0 && part.raw.Type === 'network'
      ? [{ family: 'ipv4', ...wholeFamily('ipv4')[0]! }]
      : [];
  for (const id of groups) {
    const group = world.groups.byId.get(id);
    if (group === undefined) {
      doubts.push(world.groups.doubts[0] ?? `security group ${id} is not in any answer`);
      continue;
    }
    doubts.push(...group.doubts);
    for (const rule of group.ingress.filter(({ traffic }) => covers(traffic, protocol, port))) {
      if (rule.peer.kind === 'group' && letsGroupIn(world, rule, doubts)) return undefined;
      open.push(...rangesOf(world, rule, doubts));
    }
  }
  if (open.some(({ family }) => family === 'ipv6')) {
    const { IpAddressType: type } = part.raw;
    if (isUnknownValue(type))
      doubts.push(`whether ${part.name} is dual-stack cannot be known: ${type.$unknown}`);
    else if (type?.startsWith('dualstack')) return undefined;
  }
  const byRules = unite(open.filter(({ family }) => family === 'ipv4'));
  const byAcls = isEmpty(byRules) ? byRules : intersect(byRules, letByAcls(world, part, protocol, port));
  if (!isEmpty(byAcls)) return undefined;
  if (doubts.length > 0) throw new Doubt(doubts[0]!);
  if (groups.length === 0 && part.raw.Type !== 'network')
    throw new Doubt(`no security group of ${part.name} is known`);
  return isEmpty(byRules)
    ? `no rule of ${groups.join(', ')} lets anybody in`
    : 'the network ACLs of its subnets let nobody in';
}

/** Whether someone wears the group that may come in. */
function letsGroupIn(world: World, { peer }: GroupRule, doubts: string[]): boolean {
  if (peer.kind !== 'group') return false;
  const wearers = world.wearers.of(peer.id);
  if (wearers.some(({ doubt }) => doubt === undefined)) return true;
  if (peer.foreign) doubts.push(`the group ${peer.id} ${peer.foreign}`);
  else if (!world.groups.byId.has(peer.id))
    doubts.push(`the group ${peer.id} is deleted or not in any answer`);
  doubts.push(...wearers.flatMap(({ doubt }) => doubt ?? []), ...world.wearers.doubts);
  return false;
}

function rangesOf(world: World, { peer }: GroupRule, doubts: string[]): AddressRange[] {
  if (peer.kind === 'group') return [];
  try {
    const cidrs = peer.kind === 'cidr' ? [peer] : world.prefixLists.entriesOf(peer.id);
    return cidrs.flatMap(({ range }) => range ?? []);
  } catch (error) {
    doubts.push(error instanceof Error ? error.message : String(error));
    return [];
  }
}

/** The IPv4 addresses that at least one subnet lets in; all where a subnet's ACL is not told. */
function letByAcls(world: World, part: LoadBalancerPart, protocol: string, port: number): IntervalSet {
  const acls = subnetsOf(world, part).map((id) => aclOf(world, id));
  if (acls.length === 0 || acls.includes(undefined)) return wholeFamily('ipv4');
  return unite(acls.flatMap((acl) => [...aclAllows(known(acl, 'an ACL'), false, protocol, port, 'ipv4')]));
}
