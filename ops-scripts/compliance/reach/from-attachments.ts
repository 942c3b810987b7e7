// Judges a rule whose source is a security group: it may be attached to allowed parts and serving proxies only.

import type { Attachment } from '../inventory/attachments.ts';
import { describeRule, type GroupPeer, type GroupRule, whyForeign } from '../inventory/group-rule.ts';
import { aclHides } from '../inventory/network-acls.ts';
import { type DatabasePart, describePart, type Part, type ProxyPart } from '../parts/part.ts';
import { servesDatabase } from '../parts/proxy.ts';
import { judgePorts } from './allowed-ports.ts';
import { fixAttachment, fixRule } from './fix.ts';
import { pathTo } from './internet-path.ts';
import { addressesOfAttachment } from './origin-addresses.ts';
import { type ReachabilityCheck, sayHidden } from './reachability-check.ts';

/** `askProxy` checks who reaches a proxy that serves the database and has the group, as it is a hop and no client. */
export function judgeAttachments(
  check: ReachabilityCheck,
  rule: GroupRule<GroupPeer>,
  askProxy: (proxy: ProxyPart, database: DatabasePart) => void,
): void {
  const { inventory, target, verdict } = check;
  const { peer } = rule;
  const foreign = whyForeign(peer, inventory.groups.byId);
  if (foreign !== undefined) {
    verdict.unknown(`${describeRule(rule)}: the source group ${foreign}`);
    return;
  }
  if (!inventory.groups.byId.has(peer.id)) {
    verdict.unknown(`${describeRule(rule)}: the source group is deleted or not in any answer`);
    return;
  }
  const attachments = inventory.attachments.of(peer.id);
  if (attachments.length === 0) {
    verdict.pass(`${peer.id} is attached to nothing, so nothing can connect by it`);
    verdict.warn(`${describeRule(rule)}: ${peer.id} is attached to nothing; whatever gets it can connect`);
    return;
  }
  const shared = attachments.some(({ owner }) => isAllowed(check, owner));
  for (const attachment of attachments) {
    const { owner } = attachment;
    if (owner === target) failSelf(check, rule);
    else if (isAllowed(check, owner)) judgePorts(check, rule, attachment.name);
    else if (
      owner?.kind === 'proxy' &&
      target.kind === 'database' &&
      servesDatabase(owner, target) !== false
    ) {
      judgePorts(check, rule, attachment.name);
      verdict.attempt(() => askProxy(owner, target));
    } else failAttachment(check, rule, attachment, shared);
  }
}

function isAllowed({ allowed }: ReachabilityCheck, owner: Part | ProxyPart | undefined): boolean {
  return allowed.parts.some((part) => part === owner);
}

function failSelf({ inventory, target, verdict }: ReachabilityCheck, rule: GroupRule<GroupPeer>): void {
  const name = describePart(target);
  verdict.fail({
    reason: `${describeRule(rule)} lets ${name} reach itself: a self-reference`,
    path: () => [name, describeRule(rule), name],
    fix: fixRule(inventory, rule),
  });
}

/** `shared`: an allowed part has the group too, so the fix detaches the group and keeps the rule. */
function failAttachment(
  check: ReachabilityCheck,
  rule: GroupRule<GroupPeer>,
  attachment: Attachment,
  shared: boolean,
): void {
  const { inventory, target, allowed, verdict } = check;
  const groupId = rule.peer.id;
  if (attachment.unknownReason !== undefined) {
    verdict.unknown(`${attachment.name} may have security group ${groupId}: ${attachment.unknownReason}`);
    return;
  }
  // What has the group may be the part that is not known.
  if (allowed.parts.length === 0) {
    verdict.unknown(`${attachment.name} has security group ${groupId}, and ${allowed.name} is not known`);
    return;
  }
  const ranges = addressesOfAttachment(inventory, attachment, groupId);
  const acls = ranges.map((range) => aclHides(inventory, target, rule.traffic, range));
  const hidden = acls.includes(undefined) ? undefined : acls[0];
  verdict.fail({
    reason: `${attachment.name} has security group ${groupId} and is not ${allowed.name}${hidden === undefined ? '' : sayHidden(hidden)}`,
    path: () => [...pathTo(inventory, attachment), describeRule(rule), describePart(target)],
    fix: shared ? fixAttachment(inventory, attachment, groupId, rule) : fixRule(inventory, rule),
  });
}
