// Where connections come from, in addresses: those of a wearer of a group, of the parts that may come in, of whoever else has one.
import { type AddressRange, type Family, formatAddress } from '../network/address.ts';
import type { Cidr } from '../network/cidr.ts';
import { contains, type IntervalSet, unite } from '../network/interval-set.ts';
import type { Part } from '../parts/part.ts';
import { cidrsOfSubnets, subnetsOf } from '../world/subnets.ts';
import { describeInterface, type Wearer } from '../world/wearers.ts';
import type { World } from '../world/world.ts';
import { internetName } from './internet-path.ts';

/** Where a wearer's connections come from: its interfaces' addresses, or all of its subnets where those are not told. */
export function addressesOfWearer(world: World, { owner, face }: Wearer, groupId: string): AddressRange[] {
  const faces = (owner ? (world.interfaces.byOwner.get(owner) ?? []) : face ? [face] : []).filter(
    ({ groups }) => groups.includes(groupId),
  );
  const addresses = faces.flatMap((each) =>
    each.addresses.length > 0 ? each.addresses : cidrsOfSubnets(world, each.subnetId ? [each.subnetId] : []),
  );
  if (addresses.length > 0 || owner === undefined) return addresses;
  return cidrsOfSubnets(world, subnetsOf(world, owner));
}

/** Addresses on the interfaces of the parts that may come in. */
export function addressesOf(world: World, parts: readonly Part[], family: string): IntervalSet {
  const faces = parts.flatMap((part) => world.interfaces.byOwner.get(part) ?? []);
  return unite(faces.flatMap(({ addresses }) => addresses.filter((range) => range.family === family)));
}

/** The internet where the addresses are public; else the first interface that has one of them. */
export function entrance(world: World, cidr: Cidr, outside: IntervalSet, family: Family): string {
  const name = internetName(cidr);
  if (cidr.isPublic) return name;
  for (const face of world.interfaces.all) {
    const address = face.addresses.find((range) => range.family === family && contains(outside, range.start));
    if (address !== undefined) return `${describeInterface(face)} at ${formatAddress(family, address.start)}`;
  }
  return name;
}
