// Judges "only from": every source that any security group of the part lets in must be an allowed part on an allowed
// port.

import { groupsOf, whyGroupsUnknown } from '../inventory/attachments.ts';
import type { GroupRule } from '../inventory/group-rule.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { DatabasePart, Part, ProxyPart } from '../parts/part.ts';
import { proxyPort } from '../parts/proxy.ts';
import type { Verdict } from '../verdict.ts';
import { judgeAddresses } from './from-addresses.ts';
import { judgeAttachments } from './from-attachments.ts';
import type { Allowed, ReachabilityCheck } from './reachability-check.ts';

export function judgeOnlyFrom(inventory: Inventory, part: Part, allowed: Allowed, verdict: Verdict): void {
  judgeTarget({ inventory, target: part, allowed, verdict }, new Set());
  for (const eni of inventory.interfaces.byOwner.get(part) ?? []) {
    if (eni.publicAddress) verdict.warn(`${eni.id} has the public address ${eni.publicAddress}`);
  }
  if (allowed.parts.length === 0) verdict.unknown(`${allowed.name} is not known, so nobody may come in`);
  for (const unknownReason of inventory.attachments.unknownReasons) verdict.unknown(unknownReason);
}

/** `asked`: the targets that were checked already, so that proxies which let one another in end the recursion. */
function judgeTarget(check: ReachabilityCheck, asked: Set<Part | ProxyPart>): void {
  const { inventory, target, allowed, verdict } = check;
  if (asked.has(target)) return;
  asked.add(target);
  whyGroupsUnknown(target, inventory.interfaces).forEach(verdict.unknown);
  const groups = groupsOf(target, inventory.interfaces);
  if (groups.length === 0) verdict.unknown(`no security group of ${target.name} is known`);
  for (const id of groups) {
    const group = inventory.groups.byId.get(id);
    if (group === undefined) {
      verdict.unknown(
        inventory.groups.unknownReasons[0] ?? `security group ${id} of ${target.name} is not in any answer`,
      );
      continue;
    }
    group.unknownReasons.forEach(verdict.unknown);
    verdict.pass(`${id} lets in ${allowed.name} only`);
    for (const rule of group.ingress) verdict.attempt(() => judgeRule(check, rule, asked));
  }
}

function judgeRule(check: ReachabilityCheck, rule: GroupRule, asked: Set<Part | ProxyPart>): void {
  const { peer } = rule;
  if (peer.kind === 'group') {
    judgeAttachments(check, { ...rule, peer }, (proxy, database) =>
      judgeProxy(check, proxy, database, asked),
    );
  } else judgeAddresses(check, { ...rule, peer });
}

/** Through a proxy comes who reaches it by any of its endpoints, on the port of the proxy. */
function judgeProxy(
  { inventory, allowed, verdict }: ReachabilityCheck,
  attachment: ProxyPart,
  database: DatabasePart,
  asked: Set<Part | ProxyPart>,
): void {
  const proxy = attachment.endpointOf ?? attachment;
  const ports = new Set([proxyPort(proxy, database)]);
  for (const target of inventory.parts.proxies.items) {
    if ((target.endpointOf ?? target) === proxy)
      judgeTarget({ inventory, target, allowed: { ...allowed, ports }, verdict }, asked);
  }
}
