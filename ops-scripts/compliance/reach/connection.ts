// Whether one part can open a connection to another: egress of the one, ingress of the other, ACLs on the way and back.

import { Doubt } from '../doubt.ts';
import { type AddressRange, parseCidr } from '../network/address.ts';
import { intersect, isEmpty, isSubset, unite } from '../network/interval-set.ts';
import { covers } from '../network/traffic.ts';
import { describePart, type Part, type ProxyPart } from '../parts/part.ts';
import type { Verdict } from '../verdict.ts';
import type { GroupRule } from '../world/group-rule.ts';
import { aclAllows, aclOf, portsApart } from '../world/network-acls.ts';
import { cidrsOfSubnets, subnetsOf } from '../world/subnets.ts';
import { groupDoubtsOf, groupsOf } from '../world/wearers.ts';
import type { World } from '../world/world.ts';
import { fixEgress, fixIngress } from './fix.ts';

export function judgeConnection(
  world: World,
  from: Part | ProxyPart,
  to: Part | ProxyPart,
  port: number,
  verdict: Verdict,
): void {
  const what = `${describePart(from)} → ${describePart(to)} port ${port}`;
  const fromGroups = groupsOf(from, world.interfaces);
  const toGroups = groupsOf(to, world.interfaces);
  for (const part of [from, to]) groupDoubtsOf(part, world.interfaces).forEach(verdict.doubt);
  const ungrouped = from.kind === 'load-balancer' && from.raw.Type === 'network' && fromGroups.length === 0;
  if (toGroups.length === 0 || (fromGroups.length === 0 && !ungrouped)) {
    verdict.doubt(`${what}: security groups are not known`);
    return;
  }
  verdict.attempt(() => {
    if (ungrouped || opens(world, fromGroups, true, port, toGroups, to)) return;
    verdict.fail({
      reason: `${what}: egress of ${fromGroups.join(', ')} does not let it out`,
      fix: fixEgress(world, fromGroups[0]!, toGroups[0]!, port),
    });
  });
  verdict.attempt(() => {
    if (opens(world, toGroups, false, port, fromGroups, from)) {
      verdict.hold(what);
      return;
    }
    verdict.fail({
      reason: `${what}: ${toGroups.join(', ')} does not let it in`,
      fix: fixIngress(world, fromGroups[0]!, toGroups[0]!, port),
    });
  });
  verdict.attempt(() => judgeAcls(world, what, from, to, port, verdict));
}

function opens(
  world: World,
  groupIds: string[],
  egress: boolean,
  port: number,
  peers: string[],
  peer: Part | ProxyPart,
): boolean {
  const doubts: string[] = [];
  const ranges: AddressRange[] = [];
  for (const id of groupIds) {
    const group = world.groups.byId.get(id);
    if (group === undefined) {
      doubts.push(world.groups.doubts[0] ?? `security group ${id} is not in any answer`);
      continue;
    }
    doubts.push(...group.doubts);
    if (egress && !group.egressKnown) doubts.push(`egress rules of ${id} are not in the answer`);
    for (const rule of (egress ? group.egress : group.ingress).filter(({ traffic }) =>
      covers(traffic, 'tcp', port),
    )) {
      if (rule.peer.kind === 'group' && peers.includes(rule.peer.id)) return true;
      try {
        ranges.push(...rangesOf(world, rule));
      } catch (error) {
        doubts.push(error instanceof Error ? error.message : String(error));
      }
    }
  }
  const open = unite(ranges.filter(({ family }) => family === 'ipv4'));
  if (isSubset([parseCidr('0.0.0.0/0')!], open)) return true;
  if (!isEmpty(open)) {
    const cidrs = subnetCidrs(world, peer);
    if (cidrs.length > 0 && isSubset(unite(cidrs), open)) return true;
    const faces = (world.interfaces.byOwner.get(peer) ?? []).flatMap(({ addresses }) => addresses);
    const addresses = unite(faces.filter(({ family }) => family === 'ipv4'));
    if (!isEmpty(addresses) && isSubset(addresses, open)) return true;
    if (cidrs.length === 0 && isEmpty(addresses))
      doubts.push(`the addresses of ${describePart(peer)} are not known`);
  }
  if (doubts.length > 0) throw new Doubt(doubts[0]!);
  return false;
}

function rangesOf(world: World, { peer }: GroupRule): AddressRange[] {
  if (peer.kind === 'group') return [];
  const cidrs = peer.kind === 'cidr' ? [peer] : world.prefixLists.entriesOf(peer.id);
  return cidrs.flatMap(({ range }) => range ?? []);
}

function subnetCidrs(world: World, part: Part | ProxyPart): AddressRange[] {
  return cidrsOfSubnets(world, subnetsOf(world, part));
}

/** Ports that answers go back to, as Linux gives them out: where one of them is closed, connections fail at random. */
const returnPorts = { from: 32_768, to: 60_999 };

function judgeAcls(
  world: World,
  what: string,
  from: Part | ProxyPart,
  to: Part | ProxyPart,
  port: number,
  verdict: Verdict,
): void {
  for (const [part, peer, egress] of [
    [from, to, true],
    [to, from, false],
  ] as const) {
    const peers = unite(subnetCidrs(world, peer));
    if (isEmpty(peers)) continue;
    for (const id of subnetsOf(world, part)) {
      const acl = aclOf(world, id);
      if (acl === undefined) continue;
      const ways = [
        { open: aclAllows(acl, egress, 'tcp', port, 'ipv4'), say: `port ${port}` },
        ...portsApart(acl, returnPorts.from, returnPorts.to).map((each) => ({
          open: aclAllows(acl, !egress, 'tcp', each, 'ipv4'),
          say: 'the answers',
        })),
      ];
      // Within one subnet no ACL is asked.
      const within = cidrsOfSubnets(world, [id]);
      for (const { open: allowed, say } of ways) {
        const open = unite([...allowed, ...within]);
        if (isEmpty(intersect(peers, open)))
          verdict.fail({ reason: `${what}: network ACL ${acl.NetworkAclId} of ${id} stops ${say}` });
        else if (!isSubset(peers, open))
          verdict.warn(`${what}: network ACL ${acl.NetworkAclId} of ${id} stops ${say} in part`);
      }
    }
  }
}
