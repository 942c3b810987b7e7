// Finds the path from the internet to an attachment of a security group, hop by hop, as the proof of a failure.

import { type Attachment, groupsOf } from '../inventory/attachments.ts';
import { describeRule } from '../inventory/group-rule.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { Cidr } from '../network/cidr.ts';

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
