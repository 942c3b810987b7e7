// Where connections come from: addresses of an attachment, of parts and clients, and the path from the internet.
import { type Attachment, describeInterface, groupsOf } from '../inventory/attachments.ts';
import { describeRule } from '../inventory/group-rules.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { cidrsOfSubnets, subnetsOf } from '../inventory/subnets.ts';
import { type AddressFamily, type AddressRange, type Cidr, formatAddress } from '../network/address.ts';
import { contains, type IntervalSet, isEmpty, subtract, unite } from '../network/interval-set.ts';
import { covers } from '../network/traffic.ts';
import type { AutoScalingGroupPart, LoadBalancerPart, Part } from '../parts/part.ts';

/** Source addresses of an attachment: those of its interfaces, or all of its subnets where no address is known. */
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

/** Addresses on the interfaces of the parts that may come in. */
export function addressesOf(inventory: Inventory, parts: readonly Part[], family: string): IntervalSet {
  const enis = parts.flatMap((part) => inventory.interfaces.byOwner.get(part) ?? []);
  return unite(enis.flatMap(({ addresses }) => addresses.filter((range) => range.family === family)));
}

/** The internet where the addresses are public; else the first interface that has one of them. */
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

/** Longer ways in are not shown. */
const hopLimit = 6;

export function internetName({ cidr, isPublic }: Cidr): string {
  return isPublic ? `internet (${cidr})` : `addresses ${cidr}`;
}

/** The hops up to and including the attachment; the attachment alone where no path from the internet is found. */
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
