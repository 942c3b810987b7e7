// asg-only-from-elb, cache-only-from-asg, database-only-from-asg: only the previous part reaches the next, on its port.
import { listAnswers } from '../answers.ts';
import { everyPort } from '../network/traffic.ts';
import { cachePorts } from '../parts/cache.ts';
import { databasePorts } from '../parts/database.ts';
import type { AutoScalingGroupPart } from '../parts/part.ts';
import { targetGroupsOf } from '../reach/listeners.ts';
import { judgeOnlyFrom } from '../reach/only-from.ts';
import { known, knownOrAbsent, UnknownError } from '../unknown.ts';
import { type Context, defineControl } from './control.ts';

const reachNeeds = ['ec2.DescribeSecurityGroups', 'ec2.DescribeNetworkInterfaces'];

const reachCalls = [
  'ec2.DescribeSecurityGroupRules',
  'ec2.DescribeInstances',
  'ec2.DescribeManagedPrefixLists',
  'ec2.DescribeNetworkAcls',
  'ec2.DescribeVpcs',
  'rds.DescribeDBProxies',
];

/** asg-only-from-elb: only the load balancer reaches the instances, on its target ports alone. */
export const asgOnlyFromElb = defineControl({
  id: 'asg-only-from-elb',
  kind: 'auto-scaling-group',
  title: 'The instances take traffic from the load balancer only',
  why: 'A way around the load balancer is a way around TLS, logs, limits and health checks.',
  how: 'Takes the union of every security group that the launch template declares or that is attached to any of its interfaces. Each source must be the selected load balancer alone, on the target and health check ports alone; a source group is resolved to whatever it is attached to.',
  blind:
    'Peered networks and groups of other accounts (unknown), traffic that an instance fetches itself, VPN and Session Manager.',
  remedy: 'aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE',
  references: ['https://docs.aws.amazon.com/autoscaling/ec2/userguide/attach-load-balancer-asg.html'],
  needs: [...reachNeeds, 'autoscaling.DescribeAutoScalingGroups', 'elbv2.DescribeLoadBalancers'],
  consults: [...reachCalls, 'elbv2.DescribeTargetGroups', 'autoscaling.DescribeLaunchConfigurations'],
  judge(context, part, verdict) {
    if (part.publicAddress) verdict.warn('the launch template gives instances a public address');
    let traffic = { ports: new Set<number>(), protocols: new Set(['tcp']) };
    verdict.attempt(() => {
      traffic = targetTraffic(context, part);
    });
    // The right port is not known, but who may connect is: with every port allowed, a wrong source still fails.
    if (traffic.ports.size === 0) traffic.ports = everyPort();
    judgeOnlyFrom(
      context.inventory,
      part,
      { parts: context.selection['load-balancer'].parts, name: 'the load balancer', ...traffic },
      verdict,
    );
    context.selection['load-balancer'].unknownReasons.forEach(verdict.unknown);
  },
});

function targetTraffic({ inventory }: Context, part: AutoScalingGroupPart) {
  const ports = new Set<number>();
  const protocols = new Set(['tcp']);
  const groups = targetGroupsOf(inventory, part);
  if (groups.length === 0) {
    throw new UnknownError(
      listAnswers(inventory.answers, 'elbv2', 'DescribeTargetGroups', 'TargetGroups').unknownReasons[0] ??
        `no target group of ${part.name} is in any answer, so the port of the load balancer is not known`,
    );
  }
  for (const group of groups) {
    const port = Number(known(group.Port, `the port of target group ${group.TargetGroupName}`));
    ports.add(port);
    const check = knownOrAbsent(group.HealthCheckPort, `the health check port of ${group.TargetGroupName}`);
    if (check && check !== 'traffic-port') ports.add(Number(check));
    if (group.Protocol === 'UDP' || group.Protocol === 'TCP_UDP') protocols.add('udp');
  }
  return { ports, protocols };
}

/** cache-only-from-asg: only the instances of the Auto Scaling group reach the cache, on its port alone. */
export const cacheOnlyFromAsg = defineControl({
  id: 'cache-only-from-asg',
  kind: 'cache',
  title: 'The cache takes traffic from the Auto Scaling group only',
  why: 'Whoever reaches the cache reads sessions and carts, and can empty it.',
  how: 'Takes the union of every security group that the cache declares or that is attached to any of its interfaces. Each source must be the selected Auto Scaling group alone, on the port of the cache alone, a source group resolved to whatever it is attached to.',
  blind: "Data that an instance in the group hands on, and other accounts' or peered groups (unknown).",
  remedy: 'aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE',
  references: ['https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/elasticache-vpc-accessing.html'],
  needs: [...reachNeeds, 'autoscaling.DescribeAutoScalingGroups'],
  consults: [
    ...reachCalls,
    'autoscaling.DescribeLaunchConfigurations',
    'elasticache.DescribeReplicationGroups',
    'elasticache.DescribeCacheClusters',
    'elasticache.DescribeCacheSubnetGroups',
  ],
  judge(context, part, verdict) {
    let ports = new Set<number>();
    verdict.attempt(() => {
      ports = new Set(cachePorts(part));
    });
    // The right port is not known, but a wrong source still fails.
    if (ports.size === 0) ports = everyPort();
    const { parts, unknownReasons } = context.selection['auto-scaling-group'];
    const allowed = { parts, name: 'the Auto Scaling group', protocols: new Set(['tcp']), ports };
    judgeOnlyFrom(context.inventory, part, allowed, verdict);
    unknownReasons.forEach(verdict.unknown);
  },
});

/** database-only-from-asg: only the instances of the Auto Scaling group reach the database, on its port alone. */
export const databaseOnlyFromAsg = defineControl({
  id: 'database-only-from-asg',
  kind: 'database',
  title: 'The database takes traffic from the Auto Scaling group only',
  why: 'Whoever reaches the database needs one password more to have every order and address.',
  how: 'Takes the union of every security group that the database declares or that is attached to any of its interfaces. Each source must be the selected Auto Scaling group alone, on the port of the database alone, a source group resolved to whatever it is attached to. A database proxy that serves the database is a hop: who reaches any of its endpoints is judged in the same way, on the usual port of its engine family, on which a proxy listens whatever port the database has.',
  blind:
    "Data that an instance in the group hands on, snapshots that are shared, the Data API, and other accounts' or peered groups (unknown).",
  remedy: 'aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE',
  references: ['https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.RDSSecurityGroups.html'],
  needs: [...reachNeeds, 'autoscaling.DescribeAutoScalingGroups', 'rds.DescribeDBInstances'],
  consults: [
    ...reachCalls,
    'autoscaling.DescribeLaunchConfigurations',
    'rds.DescribeDBClusters',
    'rds.DescribeDBSubnetGroups',
    'rds.DescribeDBProxyTargets',
    'rds.DescribeDBProxyEndpoints',
  ],
  judge(context, part, verdict) {
    const instances = part.flavor === 'cluster' ? part.members : [part.raw];
    for (const each of [...instances, ...part.replicas]) {
      if (each.PubliclyAccessible === true)
        verdict.warn(`${each.DBInstanceIdentifier} is publicly accessible`);
    }
    let ports = new Set<number>();
    verdict.attempt(() => {
      ports = new Set(databasePorts(part));
    });
    // The right port is not known, but a wrong source still fails.
    if (ports.size === 0) ports = everyPort();
    const { parts, unknownReasons } = context.selection['auto-scaling-group'];
    const allowed = { parts, name: 'the Auto Scaling group', protocols: new Set(['tcp']), ports };
    judgeOnlyFrom(context.inventory, part, allowed, verdict);
    unknownReasons.forEach(verdict.unknown);
  },
});
