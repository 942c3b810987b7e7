// Judges who can reach a port: every interface and address that a part's groups allow must be of an allowed part.

import type { Verdict } from '../findings.ts';
import { fixAttachment, fixRule } from '../fixes/write-fix.ts';
import { type Attachment, groupsOf, type Inventory, whyGroupsUnknown } from '../inventory/inventory.ts';
import {
  type AddressPeer,
  describeRule,
  type GroupPeer,
  type GroupRule,
  whyForeign,
} from '../inventory/security-groups.ts';
import { aclHides } from '../inventory/subnets.ts';
import { isEmpty, subtract } from '../network/interval-set.ts';
import { everyPort, exceeds } from '../network/traffic.ts';
import { proxyPort, servesDatabase } from '../parts/database.ts';
import { type DatabasePart, describePart, type Part, type ProxyPart } from '../parts/part.ts';
import { addressesOf, addressesOfAttachment, entrance, pathTo } from './connection.ts';

export function judgeOnlyFrom(inventory: Inventory, part: Part, allowed: Allowed, verdict: Verdict): void {
  judgeTarget({ inventory, target: part, allowed, verdict }, new Set());
  for (const eni of inventory.interfaces.byOwner.get(part) ?? []) {
    if (eni.publicAddress) verdict.warn(`${eni.id} has the public address ${eni.publicAddress}`);
  }
  if (allowed.parts.length === 0) verdict.unknown(`${allowed.name} is not known, so nobody may come in`);
  for (const unknownReason of inventory.attachments.unknownReasons) verdict.unknown(unknownReason);
}

/** `asked`: the targets that were checked already, so that the recursion ends when proxies allow one another. */
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

/** Judges a proxy: its clients come by any of its endpoints, on the proxy's port. */
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

interface Allowed {
  /** The parts that may connect. */
  parts: readonly Part[];
  /** Their name in a reason: `the load balancer`. */
  name: string;
  protocols: ReadonlySet<string>;
  ports: ReadonlySet<number>;
}

/** One question "who can reach this port?". The verdict collects the answers. */
interface ReachabilityCheck {
  inventory: Inventory;
  /** The part whose port it is. */
  target: Part | ProxyPart;
  allowed: Allowed;
  verdict: Verdict;
}

/** Text for a failure whose addresses only a network ACL blocks. */
function sayHidden(acls: string): string {
  return ` (a network ACL alone hides it, ${acls}, which does not count)`;
}

/**
 * Judges a rule whose source is a security group. Only allowed parts, and proxies that serve the database, may have the
 * group. `askProxy` checks who can reach such a proxy, because a proxy is a hop and not a client.
 */
function judgeAttachments(
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

/**
 * Fails for an attachment. `shared`: an allowed part has the group too, so the fix detaches the group and keeps the
 * rule.
 */
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
  // The attachment may belong to the part that is not known.
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

/** Judges a rule whose source is a CIDR or prefix list: it may contain only addresses of the allowed parts. */
function judgeAddresses(check: ReachabilityCheck, rule: GroupRule<AddressPeer>): void {
  const { inventory, target, allowed, verdict } = check;
  const { peer } = rule;
  const cidrs = peer.kind === 'cidr' ? [peer] : inventory.prefixLists.entriesOf(peer.id);
  for (const cidr of cidrs) {
    const { range } = cidr;
    if (range === undefined) {
      verdict.unknown(`${describeRule(rule)}: '${cidr.cidr}' is not a CIDR`);
      continue;
    }
    const outside = subtract([range], addressesOf(inventory, allowed.parts, range.family));
    if (isEmpty(outside)) {
      judgePorts(check, rule, allowed.name);
      verdict.warn(`${describeRule(rule)} names addresses of ${allowed.name}, which may change`);
      continue;
    }
    const hidden = aclHides(inventory, target, rule.traffic, range);
    verdict.fail({
      reason: `${describeRule(rule)} lets in addresses that are not ${allowed.name}${hidden === undefined ? '' : sayHidden(hidden)}`,
      path: () => [
        entrance(inventory, cidr, outside, range.family),
        describeRule(rule),
        describePart(target),
      ],
      fix: fixRule(inventory, rule),
    });
  }
}

/**
 * Fails a rule that opens other ports than the allowed ones to an allowed source. `from` names the source in the
 * reason.
 */
function judgePorts(
  { inventory, target, allowed, verdict }: ReachabilityCheck,
  rule: GroupRule,
  from: string,
): void {
  if (!exceeds(rule.traffic, allowed.protocols, allowed.ports)) return;
  // If the right port is not known, every port is allowed, and the reason can't name one.
  const known = allowed.ports.size < everyPort().size;
  const ports = known ? [...allowed.ports].sort((a, b) => a - b) : [];
  const meant = ports.length === 0 ? 'one port of tcp' : `port ${ports.join(', ')}`;
  verdict.fail({
    reason: `${describeRule(rule)} opens more to ${from} than ${meant}`,
    path: () => [from, describeRule(rule), describePart(target)],
    fix: fixRule(inventory, rule, ports.slice(0, 4)),
  });
}
