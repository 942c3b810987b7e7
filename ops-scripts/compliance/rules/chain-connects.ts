// chain-connects: listener → target port → cache and database are open, directly or through a proxy.
import { failuresOf, listAnswers } from '../answers.ts';
import type { Failure, Verdict } from '../findings.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { cachePorts } from '../parts/cache.ts';
import { databasePorts, proxyPort, servesDatabase } from '../parts/database.ts';
import {
  type AutoScalingGroupPart,
  type DatabasePart,
  describePart,
  type LoadBalancerPart,
  type ProxyPart,
} from '../parts/part.ts';
import { judgeConnection, letsClientsIn } from '../reach/connection.ts';
import {
  closedBecause,
  type Forwarding,
  listenersOf,
  missingInternetRoute,
  targetGroupsOf,
} from '../reach/listeners.ts';
import { isDeclared } from '../snapshot.ts';
import { attempt, known, UnknownError } from '../unknown.ts';
import { type Context, defineControl } from './control.ts';

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
        // Only security groups and ACLs decide. A missing route is a warning, because a route may be declared
        // elsewhere.
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

/**
 * Fails unless a listener forwards to a target group of an Auto Scaling group. Returns the groups to which one
 * forwards.
 */
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

/** Why a listener's rule or a registered target that can't be read may lead to a group after all. */
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

/** At least one listener that forwards to the groups must be open to somebody. Others may be closed on purpose. */
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

/**
 * A group behind the load balancer must reach every cache and database. For any other group, such as workers, it is a
 * warning.
 */
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
    // Only the first port of a cache is checked. A second one is for reads.
    verdict.attempt(() =>
      judgeConnection(inventory, { from: group, to: part, port: cachePorts(part)[0]! }, asked),
    );
  }
  for (const part of selection.database.parts)
    verdict.attempt(() => judgeWayToDatabase(inventory, group, part, asked));
  const stores = selection.cache.parts.length + selection.database.parts.length;
  if (!mustReach && stores > 0) verdict.warn(`${describePart(group)} is not behind this load balancer`);
}

/** Passes if one way to the database is open. Otherwise it reports the ways through proxies that serve the database. */
export function judgeWayToDatabase(
  inventory: Inventory,
  from: AutoScalingGroupPart,
  database: DatabasePart,
  verdict: Verdict,
): void {
  const { items, unknownReasons, absent } = inventory.parts.proxies;
  const straight = recordVerdict((recorded) =>
    judgeConnection(inventory, { from, to: database, port: databasePorts(database)[0]! }, recorded),
  );
  const proxies = items.filter((each) => !each.endpointOf && servesDatabase(each, database) !== false);
  const through = proxies.map((proxy) => ({
    serves: servesDatabase(proxy, database) === true,
    recorded: recordVerdict((recorded) => judgeWayThrough(inventory, { from, proxy, database }, recorded)),
  }));
  const serving = through.filter(({ serves }) => serves).map(({ recorded }) => recorded);
  if (isOpen(straight)) {
    for (const { failures } of serving) for (const { reason } of failures) verdict.warn(reason);
    replay(straight, verdict);
    return;
  }
  // A proxy that can't be read may be an open way.
  const unread =
    absent || unknownReasons.length === 0
      ? []
      : [recordVerdict((recorded) => unknownReasons.forEach(recorded.unknown))];
  const perhaps = through.filter(({ serves }) => !serves).map(({ recorded }) => recorded);
  replay(bestOf([...serving, straight, ...perhaps, ...unread])!, verdict);
}

function judgeWayThrough(
  inventory: Inventory,
  { from, proxy, database }: { from: AutoScalingGroupPart; proxy: ProxyPart; database: DatabasePart },
  verdict: Verdict,
): void {
  if (servesDatabase(proxy, database) === undefined)
    verdict.unknown(
      `whether ${describePart(proxy)} serves ${describePart(database)}: ${proxy.targetUnknownReasons[0]}`,
    );
  const port = proxyPort(proxy, database);
  const entrances = inventory.parts.proxies.items.filter(
    (each) => each === proxy || (each.endpointOf === proxy && !each.readOnly),
  );
  const ways = entrances.map((entrance) =>
    recordVerdict((recorded) => judgeConnection(inventory, { from, to: entrance, port }, recorded)),
  );
  replay(bestOf(ways)!, verdict);
  judgeConnection(inventory, { from: proxy, to: database, port: databasePorts(database)[0]! }, verdict);
}

/** The verdict on one of several ways, of which one open way is enough. */
export interface RecordedVerdict {
  failures: Failure[];
  unknownReasons: string[];
  warnings: string[];
  passes: string[];
}

function recordVerdict(judge: (verdict: Verdict) => void): RecordedVerdict {
  const record: RecordedVerdict = { failures: [], unknownReasons: [], warnings: [], passes: [] };
  const verdict: Verdict = {
    fail: (failure) => void record.failures.push(failure),
    unknown: (reason) => void record.unknownReasons.push(reason),
    warn: (text) => void record.warnings.push(text),
    pass: (text) => void record.passes.push(text),
    attempt: (piece) => void attempt(piece, verdict.unknown),
    conclude: () => {
      throw new Error(
        'Cannot conclude a recorded verdict, as only the verdict that it is replayed on is reported',
      );
    },
  };
  verdict.attempt(() => judge(verdict));
  return record;
}

function isOpen({ failures, unknownReasons }: RecordedVerdict): boolean {
  return failures.length + unknownReasons.length === 0;
}

/** The first open verdict, else the first without failures, else the first; undefined for an empty list. */
function bestOf(recorded: RecordedVerdict[]): RecordedVerdict | undefined {
  return recorded.find(isOpen) ?? recorded.find(({ failures }) => failures.length === 0) ?? recorded[0];
}

/** Repeats a recorded verdict on `verdict`. */
function replay({ failures, unknownReasons, warnings, passes }: RecordedVerdict, verdict: Verdict): void {
  failures.forEach(verdict.fail);
  unknownReasons.forEach(verdict.unknown);
  warnings.forEach(verdict.warn);
  passes.forEach(verdict.pass);
}
