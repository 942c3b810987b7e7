// asg-only-from-elb: only the load balancer reaches the instances, on its target ports alone.
import { listAnswers } from '../answers.ts';
import { everyPort } from '../network/traffic.ts';
import type { AutoScalingGroupPart } from '../parts/part.ts';
import { judgeOnlyFrom } from '../reach/only-from.ts';
import { known, knownOrAbsent, UnknownError } from '../unknown.ts';
import { type Context, defineControl } from './control.ts';
import { reachCalls, reachNeeds } from './reach-calls.ts';
import { targetGroupsOf } from './target-groups.ts';

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
    // Which port is right cannot be said, but who may come in can: a failure is found all the same.
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
