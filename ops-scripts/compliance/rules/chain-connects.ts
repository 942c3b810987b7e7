// chain-connects: listener → target port → cache and database ports are really open, in both directions of the rules.
import { failuresOf, listAnswers } from '../answers.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { cachePorts } from '../parts/cache.ts';
import { type AutoScalingGroupPart, describePart, type LoadBalancerPart } from '../parts/part.ts';
import { judgeConnection } from '../reach/connection.ts';
import {
  closedBecause,
  type Forwarding,
  listenersOf,
  missingInternetRoute,
  targetGroupsOf,
} from '../reach/listeners.ts';
import { letsClientsIn } from '../reach/source-addresses.ts';
import { isDeclared } from '../snapshot.ts';
import { attempt, known, UnknownError } from '../unknown.ts';
import type { Verdict } from '../verdict.ts';
import { type Context, defineControl } from './control.ts';
import { judgeWayToDatabase } from './way-to-database.ts';

export const chainConnects = defineControl({
  id: 'chain-connects',
  kind: 'load-balancer',
  title: 'Requests really get from the listener to the instances, and from there to cache and database',
  why: 'A stack that lets nobody in passes every other control and sells nothing.',
  how: 'At least one listener that forwards to the group has a port that the load balancer lets somebody in on. Follows listeners to target groups to the Auto Scaling group, and from there to the ports of cache and database: egress of the one, ingress of the other, network ACLs both ways. A database may be reached through a proxy that serves it instead, on the usual port of the proxy and from there on the port of the database. A load balancer that faces the internet from a subnet without a route to an internet gateway gets a warning.',
  blind: 'Health of the processes, DNS inside the VPC, firewalls on the machines.',
  remedy:
    'aws ec2 authorize-security-group-ingress --group-id GROUP --protocol tcp --port PORT --source-group SOURCE',
  references: ['https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html'],
  needs: [
    'elbv2.DescribeLoadBalancers',
    'elbv2.DescribeListeners',
    'elbv2.DescribeTargetGroups',
    'autoscaling.DescribeAutoScalingGroups',
    'ec2.DescribeSecurityGroups',
  ],
  consults: [
    'elbv2.DescribeRules',
    'elbv2.DescribeTargetHealth',
    'ec2.DescribeSubnets',
    'ec2.DescribeVpcs',
    'ec2.DescribeNetworkAcls',
    'ec2.DescribeRouteTables',
    'ec2.DescribeSecurityGroupRules',
    'route53.ListHostedZones',
    'route53.ListResourceRecordSets',
  ],
  judge(context, part, verdict) {
    const { inventory, selection } = context;
    for (const kind of ['auto-scaling-group', 'cache', 'database'] as const) {
      selection[kind].unknownReasons.forEach(verdict.unknown);
      if (selection[kind].parts.length === 0) verdict.unknown(`no ${kind.replaceAll('-', ' ')} is known`);
    }
    verdict.attempt(() => {
      if (part.raw.Scheme === 'internet-facing') {
        // Only security groups and ACLs decide. A route may come from elsewhere, so its absence is a warning.
        const missing = missingInternetRoute(inventory, part);
        if (missing !== undefined) verdict.warn(missing);
      }
    });
    const groups = selection['auto-scaling-group'].parts;
    let attached: AutoScalingGroupPart[] = [];
    verdict.attempt(() => {
      attached = judgeListeners(context, part, groups, verdict);
    });
    for (const group of groups) judgeStores(context, group, attached.includes(group), verdict);
  },
});

/** Listeners must forward to a target group that an Auto Scaling group feeds; gives the groups that do. */
function judgeListeners(
  context: Context,
  part: LoadBalancerPart,
  groups: AutoScalingGroupPart[],
  verdict: Verdict,
): AutoScalingGroupPart[] {
  const { inventory } = context;
  const listeners = listenersOf(inventory, part);
  if (listeners.length === 0) {
    verdict.fail({ reason: `${part.name} has no listener` });
    return [];
  }
  const arns = new Set(listeners.flatMap(({ targetGroupArns }) => [...targetGroupArns]));
  const attached = groups.filter((group) =>
    targetGroupsOf(inventory, group).some(({ TargetGroupArn }) => arns.has(TargetGroupArn)),
  );
  if (attached.length === 0) {
    const unknownReason =
      groups.flatMap(({ targetUnknownReasons }) => targetUnknownReasons)[0] ??
      listAnswers(inventory.answers, 'elbv2', 'DescribeTargetGroups', 'TargetGroups').unknownReasons[0] ??
      listAnswers(inventory.answers, 'elbv2', 'DescribeListeners', 'Listeners', part.id).unknownReasons[0] ??
      unreadOf(context, listeners, arns);
    if (unknownReason !== undefined) throw new UnknownError(unknownReason);
    if (groups.length > 0)
      verdict.fail({
        reason: `no listener of ${part.name} forwards to a target group of ${groups.map(({ name }) => name).join(', ')}`,
      });
  }
  judgeListenerPorts(inventory, { part, attached, listeners }, verdict);
  for (const group of attached) {
    for (const target of targetGroupsOf(inventory, group).filter(({ TargetGroupArn }) =>
      arns.has(TargetGroupArn),
    )) {
      verdict.attempt(() => {
        const port = Number(known(target.Port, `the port of target group ${target.TargetGroupName}`));
        judgeConnection(inventory, { from: part, to: group, port }, verdict);
        if (
          part.raw.Type === 'network' &&
          target.TargetType !== 'ip' &&
          !letsClientsIn(inventory, part, group, port)
        )
          verdict.unknown(
            `${describePart(group)} lets in ${part.name} alone on ${port}, and whether ${part.name} comes with its clients' addresses is not asked`,
          );
      });
    }
  }
  return attached;
}

/** Why a rule of a listener, or a target that others register, may lead to a group all the same. */
function unreadOf(
  { inventory: { answers, mode } }: Context,
  listeners: Forwarding[],
  targetGroups: ReadonlySet<string | undefined>,
): string | undefined {
  const unread = ({ absent, unknownReasons }: { absent: boolean; unknownReasons: string[] }) =>
    absent ? [] : unknownReasons;
  const rules = listeners.flatMap(({ listener: { ListenerArn: arn } }) =>
    arn === undefined ? [] : unread(listAnswers(answers, 'elbv2', 'DescribeRules', 'Rules', arn)),
  );
  const targets = [...targetGroups].flatMap((arn) =>
    arn === undefined || !isDeclared(mode)
      ? []
      : unread(listAnswers(answers, 'elbv2', 'DescribeTargetHealth', 'TargetHealthDescriptions', arn)),
  );
  return rules[0] ?? failuresOf(answers, 'elbv2.DescribeRules')[0] ?? targets[0];
}

/** One listener that feeds the groups must be open to somebody; that another is not may be meant so. */
function judgeListenerPorts(
  inventory: Inventory,
  {
    part,
    attached,
    listeners,
  }: { part: LoadBalancerPart; attached: AutoScalingGroupPart[]; listeners: Forwarding[] },
  verdict: Verdict,
): void {
  const fed = new Set(attached.flatMap(({ targetGroupArns }) => targetGroupArns));
  const feeding = listeners.filter(({ targetGroupArns }) =>
    [...targetGroupArns].some((arn) => arn !== undefined && fed.has(arn)),
  );
  const closed: string[] = [];
  const unknownReasons: string[] = [];
  for (const { listener } of feeding) {
    attempt(
      () => {
        const port = Number(known(listener.Port, `the port of a listener of ${part.name}`));
        const protocol = /^(UDP|QUIC)$/.test(String(listener.Protocol)) ? 'udp' : 'tcp';
        const why = closedBecause(inventory, part, protocol, port);
        if (why !== undefined) closed.push(`listener ${port} of ${part.name}: ${why}`);
      },
      (reason) => unknownReasons.push(reason),
      'an answer to elbv2.DescribeListeners',
    );
  }
  if (closed.length + unknownReasons.length < feeding.length) closed.forEach(verdict.warn);
  else if (unknownReasons.length > 0) unknownReasons.forEach(verdict.unknown);
  else for (const reason of closed) verdict.fail({ reason });
}

/** A group behind the load balancer must reach every cache and database; for another (workers) it is a warning. */
function judgeStores(
  context: Context,
  group: AutoScalingGroupPart,
  mustReach: boolean,
  verdict: Verdict,
): void {
  const { inventory, selection } = context;
  const softly: Verdict = {
    ...verdict,
    fail: ({ reason }) => verdict.warn(reason),
    unknown: (reason) => verdict.warn(reason),
    pass: () => undefined,
    attempt: (piece) => void attempt(piece, verdict.warn),
  };
  const asked = mustReach ? verdict : softly;
  for (const part of selection.cache.parts) {
    // A cache with a second port for readers is reached where its first is.
    verdict.attempt(() =>
      judgeConnection(inventory, { from: group, to: part, port: cachePorts(part)[0]! }, asked),
    );
  }
  for (const part of selection.database.parts)
    verdict.attempt(() => judgeWayToDatabase(inventory, group, part, asked));
  const stores = selection.cache.parts.length + selection.database.parts.length;
  if (!mustReach && stores > 0) verdict.warn(`${describePart(group)} is not behind this load balancer`);
}
