// Source addresses of connections: of an attachment of a group, of the allowed parts, of any other interface.

import { type Attachment, describeInterface } from '../inventory/attachments.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { cidrsOfSubnets, subnetsOf } from '../inventory/subnets.ts';
import { type AddressFamily, type AddressRange, formatAddress } from '../network/address.ts';
import type { Cidr } from '../network/cidr.ts';
import { contains, type IntervalSet, unite } from '../network/interval-set.ts';
import type { Part } from '../parts/part.ts';
import { internetName } from './internet-path.ts';

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
