// chain-connects: listener → target port → cache and database ports are really open, in both directions of the rules.
import { failuresOf, listAnswers } from '../answers.ts';
import { Doubt, known } from '../doubt.ts';
import { cachePorts } from '../parts/cache.ts';
import { databasePorts } from '../parts/database.ts';
import type { AutoScalingGroupPart, LoadBalancerPart } from '../parts/part.ts';
import { describePart } from '../parts/part.ts';
import { judgeConnection } from '../reach/connection.ts';
import { missingInternetRoute } from '../reach/internet-route.ts';
import { type Context, defineControl } from './control.ts';
import { targetGroupsOf } from './target-groups.ts';
import type { Verdict } from './verdict.ts';

export const chainConnects = defineControl({
  id: 'chain-connects',
  kind: 'load-balancer',
  title: 'Requests really get from the listener to the instances, and from there to cache and database',
  why: 'A stack that lets nobody in passes every other control and sells nothing.',
  how: 'Follows listeners to target groups to the Auto Scaling group, and from there to the ports of cache and database: egress of the one, ingress of the other, network ACLs both ways. A load balancer that faces the internet from a subnet without a route to an internet gateway gets a warning.',
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
    const { world, selection } = context;
    for (const kind of ['auto-scaling-group', 'cache', 'database'] as const) {
      selection[kind].doubts.forEach(verdict.doubt);
      if (selection[kind].parts.length === 0) verdict.doubt(`no ${kind.replaceAll('-', ' ')} is known`);
    }
    verdict.attempt(() => {
      if (part.raw.Scheme === 'internet-facing') {
        // Security groups and ACLs decide what is open; a route may come from elsewhere, so that its absence is a hint only.
        const missing = missingInternetRoute(world, part);
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
  const { world } = context;
  const listed = listAnswers(world.answers, 'elbv2', 'DescribeListeners', 'Listeners', part.id);
  const listeners = listed.items.filter(({ LoadBalancerArn }) => LoadBalancerArn === part.id);
  if (listeners.length === 0 && listed.doubts.length > 0) throw new Doubt(listed.doubts[0]!);
  if (listeners.length === 0) {
    verdict.fail({ reason: `${part.name} has no listener` });
    return [];
  }
  const listenerArns = new Set(listeners.map(({ ListenerArn }) => ListenerArn));
  const ruleActions = [...listenerArns].flatMap((arn) =>
    arn === undefined
      ? []
      : listAnswers(world.answers, 'elbv2', 'DescribeRules', 'Rules', arn).items.flatMap(
          ({ Actions }) => Actions ?? [],
        ),
  );
  const actions = [...listeners.flatMap(({ DefaultActions }) => DefaultActions ?? []), ...ruleActions];
  const arns = new Set(
    actions.flatMap((action) => [
      action.TargetGroupArn,
      ...(action.ForwardConfig?.TargetGroups ?? []).map((target) => target.TargetGroupArn),
    ]),
  );
  const attached = groups.filter((group) =>
    targetGroupsOf(world, group).some(({ TargetGroupArn }) => arns.has(TargetGroupArn)),
  );
  if (attached.length === 0) {
    const doubt =
      groups.flatMap(({ targetDoubts }) => targetDoubts)[0] ??
      listAnswers(world.answers, 'elbv2', 'DescribeTargetGroups', 'TargetGroups').doubts[0] ??
      failuresOf(world.answers, 'elbv2.DescribeRules')[0];
    if (doubt !== undefined) throw new Doubt(doubt);
    if (groups.length > 0)
      verdict.fail({
        reason: `no listener of ${part.name} forwards to a target group of ${groups.map(({ name }) => name).join(', ')}`,
      });
  }
  for (const group of attached) {
    for (const target of targetGroupsOf(world, group).filter(({ TargetGroupArn }) =>
      arns.has(TargetGroupArn),
    )) {
      verdict.attempt(() => {
        const port = Number(known(target.Port, `the port of target group ${target.TargetGroupName}`));
        judgeConnection(context, part, group, port, verdict);
      });
    }
  }
  return attached;
}

/** A group behind the load balancer must reach every cache and database; for another (workers) it is a warning. */
function judgeStores(
  context: Context,
  group: AutoScalingGroupPart,
  mustReach: boolean,
  verdict: Verdict,
): void {
  const { selection } = context;
  const stores = [
    ...selection.cache.parts.map((part) => ({ part, ports: () => cachePorts(part) })),
    ...selection.database.parts.map((part) => ({ part, ports: () => databasePorts(part) })),
  ];
  const softly: Verdict = {
    ...verdict,
    fail: ({ reason }) => verdict.warn(reason),
    doubt: (reason) => verdict.warn(reason),
    hold: () => undefined,
  };
  for (const { part, ports } of stores) {
    verdict.attempt(() => {
      const all = ports();
      // A cache with a second port for readers is reached where its first is.
      judgeConnection(context, group, part, all[0]!, mustReach ? verdict : softly);
    });
    if (!mustReach) verdict.warn(`${describePart(group)} is not behind this load balancer`);
  }
}
