// "Only from": everything that can reach the part at all, by any group on any interface, is one of the allowed parts on the allowed ports.
import type { DatabasePart, Part, ProxyPart } from '../parts/part.ts';
import { proxyPort } from '../parts/proxy.ts';
import type { Verdict } from '../verdict.ts';
import type { GroupRule } from '../world/group-rule.ts';
import { groupDoubtsOf, groupsOf } from '../world/wearers.ts';
import type { World } from '../world/world.ts';
import { judgeAddresses } from './from-addresses.ts';
import { judgeWearers } from './from-wearers.ts';
import type { Allowed, Inquiry } from './inquiry.ts';

export function judgeOnlyFrom(world: World, part: Part, allowed: Allowed, verdict: Verdict): void {
  judgeTarget({ world, target: part, allowed, verdict }, new Set());
  for (const face of world.interfaces.byOwner.get(part) ?? []) {
    if (face.publicAddress) verdict.warn(`${face.id} has the public address ${face.publicAddress}`);
  }
  if (allowed.parts.length === 0) verdict.doubt(`${allowed.name} is not known, so nobody may come in`);
  for (const doubt of world.wearers.doubts) verdict.doubt(doubt);
}

/** `asked`: the targets of inquiries so far, so that proxies which let one another in come to an end. */
function judgeTarget(inquiry: Inquiry, asked: Set<Part | ProxyPart>): void {
  const { world, target, allowed, verdict } = inquiry;
  if (asked.has(target)) return;
  asked.add(target);
  groupDoubtsOf(target, world.interfaces).forEach(verdict.doubt);
  const groups = groupsOf(target, world.interfaces);
  if (groups.length === 0) verdict.doubt(`no security group of ${target.name} is known`);
  for (const id of groups) {
    const group = world.groups.byId.get(id);
    if (group === undefined) {
      verdict.doubt(world.groups.doubts[0] ?? `security group ${id} of ${target.name} is not in any answer`);
      continue;
    }
    group.doubts.forEach(verdict.doubt);
    verdict.hold(`${id} lets in ${allowed.name} only`);
    for (const rule of group.ingress) verdict.attempt(() => judgeRule(inquiry, rule, asked));
  }
}

function judgeRule(inquiry: Inquiry, rule: GroupRule, asked: Set<Part | ProxyPart>): void {
  const { peer } = rule;
  if (peer.kind === 'group') {
    judgeWearers(inquiry, { ...rule, peer }, (proxy, database) =>
      judgeProxy(inquiry, proxy, database, asked),
    );
  } else judgeAddresses(inquiry, { ...rule, peer });
}

/** Through a proxy comes who reaches it by any of its endpoints, on the port of the proxy. */
function judgeProxy(
  { world, allowed, verdict }: Inquiry,
  wearer: ProxyPart,
  database: DatabasePart,
  asked: Set<Part | ProxyPart>,
): void {
  const proxy = wearer.endpointOf ?? wearer;
  const ports = new Set([proxyPort(proxy, database)]);
  for (const target of world.parts.proxies.items) {
    if ((target.endpointOf ?? target) === proxy)
      judgeTarget({ world, target, allowed: { ...allowed, ports }, verdict }, asked);
  }
}
