// "Only from": everything that can reach the part at all, by any group on any interface, is one of the allowed parts on the allowed ports.
import { isEmpty, subtract } from '../network/interval-set.ts';
import { everyPort, exceeds } from '../network/traffic.ts';
import { type DatabasePart, describePart, type Part, type ProxyPart } from '../parts/part.ts';
import { proxyPort, servesDatabase } from '../parts/proxy.ts';
import type { Verdict } from '../verdict.ts';
import { describeRule, type GroupRule } from '../world/group-rule.ts';
import { aclHides } from '../world/network-acls.ts';
import { groupDoubtsOf, groupsOf, type Wearer } from '../world/wearers.ts';
import type { World } from '../world/world.ts';
import { fixRule, fixWearer } from './fix.ts';
import { pathTo } from './internet-path.ts';
import { addressesOf, addressesOfWearer, entrance } from './origin-addresses.ts';

const hiddenByAcl = ' (a network ACL alone hides it, which does not count)';

export interface Allowed {
  /** The parts that may come in. */
  parts: readonly Part[];
  /** What they are called in a reason: `the load balancer`. */
  name: string;
  protocols: ReadonlySet<string>;
  ports: ReadonlySet<number>;
}

export function judgeOnlyFrom(world: World, part: Part, allowed: Allowed, verdict: Verdict): void {
  judgeWearer(world, part, allowed, verdict, new Set());
  for (const face of world.interfaces.byOwner.get(part) ?? []) {
    if (face.publicAddress) verdict.warn(`${face.id} has the public address ${face.publicAddress}`);
  }
  if (allowed.parts.length === 0) verdict.doubt(`${allowed.name} is not known, so nobody may come in`);
  for (const doubt of world.wearers.doubts) verdict.doubt(doubt);
}

function judgeWearer(
  world: World,
  target: Part | ProxyPart,
  allowed: Allowed,
  verdict: Verdict,
  visited: Set<unknown>,
): void {
  if (visited.has(target)) return;
  visited.add(target);
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
    for (const rule of group.ingress) {
      verdict.attempt(() => {
        if (rule.peer.kind === 'group')
          judgeGroupRule(world, rule, rule.peer, target, allowed, verdict, visited);
        else judgeAddresses(world, rule, target, allowed, verdict);
      });
    }
  }
}

function judgeGroupRule(
  world: World,
  rule: GroupRule,
  peer: Extract<GroupRule['peer'], { kind: 'group' }>,
  target: Part | ProxyPart,
  allowed: Allowed,
  verdict: Verdict,
  visited: Set<unknown>,
): void {
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
  const shared = wearers.some(({ owner }) => owner !== undefined && isAllowed(owner, allowed));
  for (const wearer of wearers) {
    const owner = wearer.owner;
    if (owner === target) failSelf(world, rule, target, verdict);
    else if (owner !== undefined && isAllowed(owner, allowed))
      judgePorts(world, rule, wearer, target, allowed, verdict);
    else if (
      owner?.kind === 'proxy' &&
      target.kind === 'database' &&
      servesDatabase(owner, target) !== false
    ) {
      judgePorts(world, rule, wearer, target, allowed, verdict);
      verdict.attempt(() => judgeProxy(world, owner, target, allowed, verdict, visited));
    } else failWearer(world, rule, wearer, peer.id, target, allowed, shared, verdict);
  }
}

/** Through a proxy comes who reaches it by any of its endpoints, on the port of the proxy. */
function judgeProxy(
  world: World,
  owner: ProxyPart,
  database: DatabasePart,
  allowed: Allowed,
  verdict: Verdict,
  visited: Set<unknown>,
): void {
  const proxy = owner.endpointOf ?? owner;
  const ports = new Set([proxyPort(proxy, database)]);
  for (const entrance of world.parts.proxies.items)
    if ((entrance.endpointOf ?? entrance) === proxy)
      judgeWearer(world, entrance, { ...allowed, ports }, verdict, visited);
}

function isAllowed(owner: Part | ProxyPart, allowed: Allowed): boolean {
  return allowed.parts.includes(owner as Part);
}

function failSelf(world: World, rule: GroupRule, target: Part | ProxyPart, verdict: Verdict): void {
  const name = describePart(target);
  verdict.fail({
    reason: `${describeRule(rule)} lets ${name} reach itself: a self-reference`,
    path: () => [name, describeRule(rule), name],
    fix: fixRule(world, rule),
  });
}

function failWearer(
  world: World,
  rule: GroupRule,
  wearer: Wearer,
  groupId: string,
  target: Part | ProxyPart,
  allowed: Allowed,
  shared: boolean,
  verdict: Verdict,
): void {
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

function judgePorts(
  world: World,
  rule: GroupRule,
  wearer: Wearer,
  target: Part | ProxyPart,
  allowed: Allowed,
  verdict: Verdict,
): void {
  if (!exceeds(rule.traffic, allowed.protocols, allowed.ports)) return;
  const { size } = allowed.ports;
  const ports = size === everyPort().size ? [] : [...allowed.ports].sort((a, b) => a - b);
  const meant = ports.length === 0 ? 'one port of tcp' : `port ${ports.join(', ')}`;
  verdict.fail({
    reason: `${describeRule(rule)} opens more to ${wearer.name} than ${meant}`,
    path: () => [wearer.name, describeRule(rule), describePart(target)],
    fix: fixRule(world, rule, ports.slice(0, 4)),
  });
}

function judgeAddresses(
  world: World,
  rule: GroupRule,
  target: Part | ProxyPart,
  allowed: Allowed,
  verdict: Verdict,
): void {
  if (rule.peer.kind === 'group') return;
  const cidrs = rule.peer.kind === 'cidr' ? [rule.peer] : world.prefixLists.entriesOf(rule.peer.id);
  for (const cidr of cidrs) {
    const { range } = cidr;
    if (range === undefined) {
      verdict.doubt(`${describeRule(rule)}: '${cidr.cidr}' is not a CIDR`);
      continue;
    }
    const outside = subtract([range], addressesOf(world, allowed.parts, range.family));
    if (isEmpty(outside)) {
      const wearer: Wearer = { name: allowed.name };
      judgePorts(world, rule, wearer, target, allowed, verdict);
      verdict.warn(`${describeRule(rule)} names addresses of ${allowed.name}, which may change`);
      continue;
    }
    const hidden = aclHides(world, target, rule.traffic, range);
    verdict.fail({
      reason: `${describeRule(rule)} lets in addresses that are not ${allowed.name}${hidden ? hiddenByAcl : ''}`,
      path: () => [entrance(world, cidr, outside, range.family), describeRule(rule), describePart(target)],
      fix: fixRule(world, rule),
    });
  }
}
