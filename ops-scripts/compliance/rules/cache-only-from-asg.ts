// cache-only-from-asg: only the instances of the Auto Scaling group reach the cache, on its port alone.
import { everyPort } from '../network/traffic.ts';
import { cachePorts } from '../parts/cache.ts';
import { judgeOnlyFrom } from '../reach/only-from.ts';
import { defineControl } from './control.ts';
import { reachCalls, reachNeeds } from './reach-calls.ts';

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
    // Which port is right cannot be said, but who may come in can.
    if (ports.size === 0) ports = everyPort();
    const { parts, unknownReasons } = context.selection['auto-scaling-group'];
    const allowed = { parts, name: 'the Auto Scaling group', protocols: new Set(['tcp']), ports };
    judgeOnlyFrom(context.inventory, part, allowed, verdict);
    unknownReasons.forEach(verdict.unknown);
  },
});
