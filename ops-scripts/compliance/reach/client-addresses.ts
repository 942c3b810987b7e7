// A network load balancer hands on to instances with the addresses of its clients, unless its target group says otherwise.
import { isEmpty, subtract, unite } from '../network/interval-set.ts';
import { covers } from '../network/traffic.ts';
import type { AutoScalingGroupPart, LoadBalancerPart } from '../parts/part.ts';
import { cidrsOfSubnets, subnetsOf } from '../world/subnets.ts';
import { groupsOf } from '../world/wearers.ts';
import type { World } from '../world/world.ts';

/** Whether some client's own address gets in: by a group of the load balancer, or from beyond the subnets of it. */
export function letsClientsIn(
  world: World,
  balancer: LoadBalancerPart,
  to: AutoScalingGroupPart,
  port: number,
): boolean {
  const own = groupsOf(balancer, world.interfaces);
  const nodes = [
    ...cidrsOfSubnets(world, subnetsOf(world, balancer)),
    ...(world.interfaces.byOwner.get(balancer) ?? []).flatMap(({ addresses }) => addresses),
  ].filter(({ family }) => family === 'ipv4');
  const rules = groupsOf(to, world.interfaces)
    .flatMap((id) => world.groups.byId.get(id)?.ingress ?? [])
    .filter(({ traffic }) => covers(traffic, 'tcp', port));
  return rules.some(({ peer }) => {
    if (peer.kind === 'group') return own.includes(peer.id);
    const cidrs = peer.kind === 'cidr' ? [peer] : world.prefixLists.entriesOf(peer.id);
    const ranges = cidrs.flatMap(({ range }) => (range?.family === 'ipv4' ? [range] : []));
    return !isEmpty(subtract(unite(ranges), unite(nodes)));
  });
}
