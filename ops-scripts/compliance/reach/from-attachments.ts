// A rule whose source is a group lets in whoever really wears it: allowed parts, proxies on the way, and nobody else.
import { type DatabasePart, describePart, type Part, type ProxyPart } from '../parts/part.ts';
import { servesDatabase } from '../parts/proxy.ts';
import { describeRule, type GroupPeer, type GroupRule } from '../world/group-rule.ts';
import { aclHides } from '../world/network-acls.ts';
import type { Wearer } from '../world/wearers.ts';
import { judgePorts } from './allowed-ports.ts';
import { fixRule, fixWearer } from './fix.ts';
import { hiddenByAcl, type Inquiry } from './inquiry.ts';
import { pathTo } from './internet-path.ts';
import { addressesOfWearer } from './origin-addresses.ts';

/** `askProxy` inquires into a proxy that serves the database and wears the group: it is a hop, not an end. */
export function judgeWearers(
  inquiry: Inquiry,
  rule: GroupRule<GroupPeer>,
  askProxy: (proxy: ProxyPart, database: DatabasePart) => void,
): void {
  const { world, target, verdict } = inquiry;
  const { peer } = rule;
  if (peer.foreign) {
    verdict.doubt(`${describeRule(rule)}: the source group ${peer.foreign}`);
    return;
  }
  if (!world.groups.byId.has(peer.id)) {
    verdict.doubt(`${describeRule(rule)}: the source group is deleted or not in any answer`);
    return;
  }
  const wearers = world.wearers.of(peer.id);
  if (wearers.length === 0) {
    verdict.hold(`${peer.id} is attached to nothing, so nobody comes in by it`);
    verdict.warn(`${describeRule(rule)}: ${peer.id} is attached to nothing; whoever wears it comes in`);
    return;
  }
  const shared = wearers.some(({ owner }) => isAllowed(inquiry, owner));
  for (const wearer of wearers) {
    const { owner } = wearer;
    if (owner === target) failSelf(inquiry, rule);
    else if (isAllowed(inquiry, owner)) judgePorts(inquiry, rule, wearer.name);
    else if (
      owner?.kind === 'proxy' &&
      target.kind === 'database' &&
      servesDatabase(owner, target) !== false
    ) {
      judgePorts(inquiry, rule, wearer.name);
      verdict.attempt(() => askProxy(owner, target));
    } else failWearer(inquiry, rule, wearer, shared);
  }
}

function isAllowed({ allowed }: Inquiry, owner: Part | ProxyPart | undefined): boolean {
  return allowed.parts.some((part) => part === owner);
}

function failSelf({ world, target, verdict }: Inquiry, rule: GroupRule<GroupPeer>): void {
  const name = describePart(target);
  verdict.fail({
    reason: `${describeRule(rule)} lets ${name} reach itself: a self-reference`,
    path: () => [name, describeRule(rule), name],
    fix: fixRule(world, rule),
  });
}

/** `shared`: an allowed part wears the group as well, so that the rule must stay and the group come off the other. */
function failWearer(inquiry: Inquiry, rule: GroupRule<GroupPeer>, wearer: Wearer, shared: boolean): void {
  const { world, target, allowed, verdict } = inquiry;
  const groupId = rule.peer.id;
  if (wearer.doubt !== undefined) {
    verdict.doubt(`${wearer.name} may wear ${groupId}: ${wearer.doubt}`);
    return;
  }
  // Whoever wears the group may well be the part that is not known.
  if (allowed.parts.length === 0) {
    verdict.doubt(`${wearer.name} wears ${groupId}, and ${allowed.name} is not known`);
    return;
  }
  const ranges = addressesOfWearer(world, wearer, groupId);
  const hidden = ranges.length > 0 && ranges.every((range) => aclHides(world, target, rule.traffic, range));
  verdict.fail({
    reason: `${wearer.name} wears ${groupId} and is not ${allowed.name}${hidden ? hiddenByAcl : ''}`,
    path: () => [...pathTo(world, wearer), describeRule(rule), describePart(target)],
    fix: shared ? fixWearer(world, wearer, groupId, rule) : fixRule(world, rule),
  });
}
