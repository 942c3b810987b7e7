// How someone on the internet gets to a wearer of a group, hop by hop, so that a failure is proved from where it begins.
import type { Cidr } from '../network/cidr.ts';
import { describeRule } from '../world/group-rule.ts';
import { groupsOf, type Wearer } from '../world/wearers.ts';
import type { World } from '../world/world.ts';

/** Longer ways in are not shown. */
const hopLimit = 6;

export function internetName({ cidr, isPublic }: Cidr): string {
  return isPublic ? `internet (${cidr})` : `addresses ${cidr}`;
}

/** The hops up to and including the wearer; the wearer alone where no way from the internet is found. */
export function pathTo(world: World, wearer: Wearer): string[] {
  let ways: { hops: string[]; wearer: Wearer }[] = [{ hops: [], wearer }];
  const visited = new Set<string>();
  for (let depth = 0; depth < hopLimit; depth += 1) {
    const next: typeof ways = [];
    for (const way of ways) {
      const hops = [way.wearer.name, ...way.hops];
      const { owner, face } = way.wearer;
      for (const id of owner ? groupsOf(owner, world.interfaces) : (face?.groups ?? [])) {
        if (visited.has(id)) continue;
        visited.add(id);
        for (const rule of world.groups.byId.get(id)?.ingress ?? []) {
          if (rule.peer.kind === 'cidr' && rule.peer.isPublic) {
            return [internetName(rule.peer), describeRule(rule), ...hops];
          }
          if (rule.peer.kind !== 'group') continue;
          const before = world.wearers.of(rule.peer.id).find(({ doubt }) => doubt === undefined);
          if (before !== undefined) next.push({ hops: [describeRule(rule), ...hops], wearer: before });
        }
      }
    }
    ways = next;
  }
  return [wearer.name];
}
