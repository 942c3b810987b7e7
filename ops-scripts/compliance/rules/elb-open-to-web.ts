// elb-open-to-web: exactly ports 80 and 443, each open to all of IPv4 (and IPv6 where dual-stack), and nothing else.
import { isMade } from '../answers.ts';
import { attempt, known, knownOrAbsent } from '../doubt.ts';
import { readCidr } from '../network/cidr.ts';
import { exceeds, formatTraffic } from '../network/traffic.ts';
import { fixRule } from '../reach/fix.ts';
import { internetName } from '../reach/internet-path.ts';
import type { Verdict } from '../verdict.ts';
import { describeRule, type GroupRule } from '../world/group-rule.ts';
import { groupDoubtsOf, groupsOf } from '../world/wearers.ts';
import { type Context, defineControl } from './control.ts';
import { judgeOpen } from './open-to-all.ts';
import { judgeListeners, warnOfListeners, webPorts } from './web-listeners.ts';

export const elbOpenToWeb = defineControl({
  id: 'elb-open-to-web',
  kind: 'load-balancer',
  title: 'The load balancer is open to the whole web on ports 80 and 443, and on nothing else',
  why: 'Shoppers must come in from anywhere, and through these two ports only.',
  how: 'Joins the rules of all security groups of the load balancer. Ports 80 and 443 must each be covered by the exact union of CIDRs and prefix lists for all of IPv4, and of IPv6 where dual-stack. Any other port, protocol or a range such as 80-443 fails.',
  blind: 'What a web application firewall or CloudFront in front of it lets through.',
  remedy:
    'aws ec2 authorize-security-group-ingress --group-id GROUP --protocol tcp --port 443 --cidr 0.0.0.0/0',
  references: [
    'https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html',
  ],
  needs: ['elbv2.DescribeLoadBalancers'],
  consults: [
    'ec2.DescribeSecurityGroups',
    'ec2.DescribeSecurityGroupRules',
    'ec2.DescribeNetworkInterfaces',
    'ec2.DescribeManagedPrefixLists',
    'elbv2.DescribeListeners',
  ],
  judge(context, part, verdict) {
    const { world } = context;
    verdict.attempt(() => {
      const scheme = known(part.raw.Scheme, `the scheme of ${part.name}`);
      if (scheme !== 'internet-facing')
        verdict.fail({ reason: `${part.name} is ${scheme}: the web cannot reach it` });
    });
    const unread = [...groupDoubtsOf(part, world.interfaces), ...world.interfaces.doubts];
    unread.forEach(verdict.doubt);
    const groups = groupsOf(part, world.interfaces);
    if (groups.length === 0) {
      if (part.raw.Type === 'network' && part.groupDoubts.length === 0) judgeListeners(world, part, verdict);
      else verdict.doubt(`no security group of ${part.name} is known`);
      return;
    }
    const rules = groups.flatMap((id) => {
      const group = world.groups.byId.get(id);
      if (group === undefined)
        unread.push(world.groups.doubts[0] ?? `security group ${id} is not in any answer`);
      unread.push(...(group?.doubts ?? []));
      return group?.ingress ?? [];
    });
    unread.forEach(verdict.doubt);
    for (const rule of rules) verdict.attempt(() => judgeExcess(context, rule, part.name, verdict));
    const type = attempt(
      () => knownOrAbsent(part.raw.IpAddressType, `whether ${part.name} is dual-stack`) ?? 'ipv4',
      (reason) => unread.push(reason),
    );
    const opening = { rules, unread, groupId: groups[0]! };
    for (const port of webPorts) {
      judgeOpen(world, opening, port, 'ipv4', verdict);
      // Where it is not known that IPv6 is served, all of it open is enough, and less is a doubt.
      if (type?.startsWith('dualstack') !== false) judgeOpen(world, opening, port, 'ipv6', verdict);
    }
    verdict.attempt(() => warnOfListeners(world, part.id, verdict));
  },
});

function judgeExcess({ world }: Context, rule: GroupRule, name: string, verdict: Verdict): void {
  if (!exceeds(rule.traffic, new Set(['tcp']), new Set([80]))) return;
  if (!exceeds(rule.traffic, new Set(['tcp']), new Set([443]))) return;
  const source = rule.peer.kind === 'cidr' ? rule.peer.cidr : rule.peer.id;
  if (rule.peer.kind === 'group') {
    if (rule.peer.foreign) {
      verdict.doubt(`${describeRule(rule)}: the group ${rule.peer.foreign}`);
      return;
    }
    if (!world.groups.byId.has(source)) {
      verdict.doubt(`${describeRule(rule)}: the group is deleted or not in any answer`);
      return;
    }
    if (!isMade(world.answers, 'ec2.DescribeNetworkInterfaces'))
      verdict.doubt(`who wears ${source} is not in the snapshot`);
    const wearers = world.wearers.of(source);
    if (wearers.every(({ doubt }) => doubt !== undefined)) {
      for (const { name: wearer, doubt } of wearers) verdict.doubt(`${wearer} may wear ${source}: ${doubt}`);
      world.wearers.doubts.forEach(verdict.doubt);
      verdict.hold(`${source} is attached to nothing`);
      return;
    }
  }
  verdict.fail({
    reason: `${describeRule(rule)} opens ${formatTraffic(rule.traffic)}: only tcp 80 and tcp 443 may be open, each by its own rule`,
    path: () => [internetName(readCidr(source)), describeRule(rule), `load balancer ${name}`],
    fix: fixRule(world, rule),
  });
}
