// Listeners of a load balancer: whether anybody can reach them, and to which target groups they forward.

import type { Action, Listener, TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import { isMade, listAnswers } from '../answers.ts';
import { groupsOf, type Inventory, whyGroupsUnknown } from '../inventory/inventory.ts';
import { type GroupRule, whyForeign } from '../inventory/security-groups.ts';
import { aclAllows, aclOf, subnetsOf } from '../inventory/subnets.ts';
import { type IntervalSet, intersect, isEmpty, unite } from '../network/interval-set.ts';
import { type AddressRange, covers, wholeFamily } from '../network/traffic.ts';
import type { AutoScalingGroupPart, LoadBalancerPart } from '../parts/part.ts';
import { isDeclared, isUnknownValue } from '../snapshot.ts';
import { known, knownList, UnknownError } from '../unknown.ts';

/**
 * Returns why nobody can reach the port, or undefined if somebody may. Throws an UnknownError where neither is certain.
 */
export function closedBecause(
  inventory: Inventory,
  part: LoadBalancerPart,
  protocol: string,
  port: number,
): string | undefined {
  const unknownReasons = [...whyGroupsUnknown(part, inventory.interfaces)];
  const groups = groupsOf(part, inventory.interfaces);
  // Only ACLs can close a network load balancer without groups.
  const open: AddressRange[] =
    groups.length === 0 && part.raw.Type === 'network'
      ? [{ family: 'ipv4', ...wholeFamily('ipv4')[0]! }]
      : [];
  for (const id of groups) {
    const group = inventory.groups.byId.get(id);
    if (group === undefined) {
      unknownReasons.push(inventory.groups.unknownReasons[0] ?? `security group ${id} is not in any answer`);
      continue;
    }
    unknownReasons.push(...group.unknownReasons);
    for (const rule of group.ingress.filter(({ traffic }) => covers(traffic, protocol, port))) {
      if (rule.peer.kind === 'group' && letsGroupIn(inventory, rule, unknownReasons)) return undefined;
      open.push(...rangesOf(inventory, rule, unknownReasons));
    }
  }
  if (open.some(({ family }) => family === 'ipv6')) {
    const { IpAddressType: type } = part.raw;
    if (isUnknownValue(type))
      unknownReasons.push(`whether ${part.name} is dual-stack cannot be known: ${type.$unknown}`);
    else if (type?.startsWith('dualstack')) return undefined;
  }
  const byRules = unite(open.filter(({ family }) => family === 'ipv4'));
  const byAcls = isEmpty(byRules) ? byRules : intersect(byRules, letByAcls(inventory, part, protocol, port));
  if (!isEmpty(byAcls)) return undefined;
  if (unknownReasons.length > 0) throw new UnknownError(unknownReasons[0]!);
  if (groups.length === 0 && part.raw.Type !== 'network')
    throw new UnknownError(`no security group of ${part.name} is known`);
  return isEmpty(byRules)
    ? `no rule of ${groups.join(', ')} lets anybody in`
    : 'the network ACLs of its subnets let nobody in';
}

/** Whether the source group is attached to anything. */
function letsGroupIn(inventory: Inventory, { peer }: GroupRule, unknownReasons: string[]): boolean {
  if (peer.kind !== 'group') return false;
  const attachments = inventory.attachments.of(peer.id);
  if (attachments.some(({ unknownReason }) => unknownReason === undefined)) return true;
  const foreign = whyForeign(peer, inventory.groups.byId);
  if (foreign !== undefined) unknownReasons.push(`the group ${peer.id} ${foreign}`);
  else if (!inventory.groups.byId.has(peer.id))
    unknownReasons.push(`the group ${peer.id} is deleted or not in any answer`);
  unknownReasons.push(
    ...attachments.flatMap(({ unknownReason }) => unknownReason ?? []),
    ...inventory.attachments.unknownReasons,
  );
  return false;
}

function rangesOf(inventory: Inventory, { peer }: GroupRule, unknownReasons: string[]): AddressRange[] {
  if (peer.kind === 'group') return [];
  try {
    const cidrs = peer.kind === 'cidr' ? [peer] : inventory.prefixLists.entriesOf(peer.id);
    return cidrs.flatMap(({ range }) => range ?? []);
  } catch (error) {
    unknownReasons.push(error instanceof Error ? error.message : String(error));
    return [];
  }
}

/** The IPv4 addresses that at least one subnet's ACL allows; all addresses where an ACL is not in the snapshot. */
function letByAcls(
  inventory: Inventory,
  part: LoadBalancerPart,
  protocol: string,
  port: number,
): IntervalSet {
  const acls = subnetsOf(inventory, part).map((id) => aclOf(inventory, id));
  if (acls.length === 0 || acls.includes(undefined)) return wholeFamily('ipv4');
  return unite(
    acls.flatMap((acl) => [
      ...aclAllows(known(acl, 'an ACL'), { egress: false, protocol, port, family: 'ipv4' }),
    ]),
  );
}

/**
 * Names a subnet without a route to an internet gateway. Undefined if each has one, or if the snapshot has no routes.
 */
export function missingInternetRoute(inventory: Inventory, part: LoadBalancerPart): string | undefined {
  if (!isMade(inventory.answers, 'ec2.DescribeRouteTables')) return undefined;
  const tables = listAnswers(inventory.answers, 'ec2', 'DescribeRouteTables', 'RouteTables').items;
  if (tables.length === 0) return undefined;
  const subnets = listAnswers(inventory.answers, 'ec2', 'DescribeSubnets', 'Subnets').items;
  for (const id of subnetsOf(inventory, part)) {
    const own = tables.find(({ Associations }) =>
      (Associations ?? []).some(({ SubnetId }) => SubnetId === id),
    );
    const vpcId = subnets.find(({ SubnetId }) => SubnetId === id)?.VpcId ?? part.raw.VpcId;
    const main = tables.find(
      (table) => table.VpcId === vpcId && (table.Associations ?? []).some(({ Main }) => Main === true),
    );
    const table = own ?? main;
    if (table === undefined) continue;
    const route = (table.Routes ?? []).find(
      ({ DestinationCidrBlock, GatewayId, State }) =>
        DestinationCidrBlock === '0.0.0.0/0' &&
        String(GatewayId ?? '').startsWith('igw-') &&
        State !== 'blackhole',
    );
    if (route === undefined && !hasGateway(inventory, table))
      return `subnet ${id} of ${part.name} has no route to an internet gateway`;
  }
  return undefined;
}

/** In a template or plan, a gateway has no `igw-` id yet. */
function hasGateway(
  inventory: Inventory,
  table: { Routes?: { DestinationCidrBlock?: string | undefined; GatewayId?: unknown }[] | undefined },
): boolean {
  if (!isDeclared(inventory.mode)) return false;
  return (table.Routes ?? []).some(
    (route) => route.DestinationCidrBlock === '0.0.0.0/0' && route.GatewayId !== undefined,
  );
}

export interface Forwarding {
  listener: Listener;
  /**
   * Undefined for an action without a target group. The set is empty for a listener that only redirects or responds
   * itself.
   */
  targetGroupArns: Set<string | undefined>;
}

/**
 * Every listener of the load balancer, with the target groups of its default action and rules. Throws an UnknownError
 * where none is listed although some may exist.
 */
export function listenersOf(inventory: Inventory, part: LoadBalancerPart): Forwarding[] {
  const listed = listAnswers(inventory.answers, 'elbv2', 'DescribeListeners', 'Listeners', part.id);
  const listeners = listed.items.filter(({ LoadBalancerArn }) => LoadBalancerArn === part.id);
  if (listeners.length === 0 && listed.unknownReasons.length > 0)
    throw new UnknownError(listed.unknownReasons[0]!);
  return listeners.map((listener) => {
    const { ListenerArn: arn } = listener;
    const rules =
      arn === undefined ? [] : listAnswers(inventory.answers, 'elbv2', 'DescribeRules', 'Rules', arn).items;
    const actions = [listener.DefaultActions, ...rules.map(({ Actions }) => Actions)].flatMap((each) =>
      knownList(each, `actions of listener ${listener.Port} of ${part.name}`),
    );
    return { listener, targetGroupArns: new Set(actions.flatMap(targetsOf)) };
  });
}

function targetsOf({ TargetGroupArn, ForwardConfig }: Action): string[] {
  const weighed = ForwardConfig?.TargetGroups ?? [];
  const idle = new Set(weighed.filter(({ Weight }) => Weight === 0).map((target) => target.TargetGroupArn));
  const all = [TargetGroupArn, ...weighed.map((target) => target.TargetGroupArn)];
  return all.filter((arn) => arn !== undefined && !idle.has(arn)) as string[];
}

/** The target groups with which an Auto Scaling group registers its instances. */
export function targetGroupsOf(inventory: Inventory, part: AutoScalingGroupPart): TargetGroup[] {
  const arns = new Set(part.targetGroupArns);
  return listAnswers(inventory.answers, 'elbv2', 'DescribeTargetGroups', 'TargetGroups').items.filter(
    ({ TargetGroupArn }) => arns.has(TargetGroupArn ?? ''),
  );
}
