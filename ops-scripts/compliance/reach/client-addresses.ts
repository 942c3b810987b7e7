// Whether a network load balancer preserves client addresses, which its target group decides.

import { groupsOf } from '../inventory/attachments.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { cidrsOfSubnets, subnetsOf } from '../inventory/subnets.ts';
import { isEmpty, subtract, unite } from '../network/interval-set.ts';
import { covers } from '../network/traffic.ts';
import type { AutoScalingGroupPart, LoadBalancerPart } from '../parts/part.ts';

/** Whether some client's own address gets in: by a group of the load balancer, or from beyond the subnets of it. */
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
