// elb-open-to-web: exactly ports 80 and 443, each open to all of IPv4 (and IPv6 where dual-stack), and nothing else.
import { isMade } from '../answers.ts';
import { groupsOf, whyGroupsUnknown } from '../inventory/attachments.ts';
import { describeRule, type GroupRule, whyForeign } from '../inventory/group-rule.ts';
import { readCidr } from '../network/cidr.ts';
import { exceeds, formatTraffic } from '../network/traffic.ts';
import { fixRule } from '../reach/fix.ts';
import { internetName } from '../reach/internet-path.ts';
import { attempt, known, knownOrAbsent } from '../unknown.ts';
import type { Verdict } from '../verdict.ts';
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
    const { inventory } = context;
    verdict.attempt(() => {
      const scheme = known(part.raw.Scheme, `the scheme of ${part.name}`);
      if (scheme !== 'internet-facing')
        verdict.fail({ reason: `${part.name} is ${scheme}: the web cannot reach it` });
    });
    const unread = [...whyGroupsUnknown(part, inventory.interfaces), ...inventory.interfaces.unknownReasons];
    unread.forEach(verdict.unknown);
    const groups = groupsOf(part, inventory.interfaces);
    if (groups.length === 0) {
      if (part.raw.Type === 'network' && part.groupUnknownReasons.length === 0)
        judgeListeners(inventory, part, verdict);
      else verdict.unknown(`no security group of ${part.name} is known`);
      return;
    }
    const rules = groups.flatMap((id) => {
      const group = inventory.groups.byId.get(id);
      if (group === undefined)
        unread.push(inventory.groups.unknownReasons[0] ?? `security group ${id} is not in any answer`);
      unread.push(...(group?.unknownReasons ?? []));
      return group?.ingress ?? [];
    });
    unread.forEach(verdict.unknown);
    for (const rule of rules) verdict.attempt(() => judgeExcess(context, rule, part.name, verdict));
    const type = attempt(
      () => knownOrAbsent(part.raw.IpAddressType, `whether ${part.name} is dual-stack`) ?? 'ipv4',
      (reason) => unread.push(reason),
    );
    const opening = { rules, unread, groupId: groups[0]! };
    for (const port of webPorts) {
      judgeOpen(inventory, opening, port, 'ipv4', verdict);
      // Where it is not known that IPv6 is served, all of it open is enough, and less is unknown.
      if (type?.startsWith('dualstack') !== false) judgeOpen(inventory, opening, port, 'ipv6', verdict);
    }
    verdict.attempt(() => warnOfListeners(inventory, part.id, verdict));
  },
});

function judgeExcess({ inventory }: Context, rule: GroupRule, name: string, verdict: Verdict): void {
  if (!exceeds(rule.traffic, new Set(['tcp']), new Set([80]))) return;
  if (!exceeds(rule.traffic, new Set(['tcp']), new Set([443]))) return;
  const source = rule.peer.kind === 'cidr' ? rule.peer.cidr : rule.peer.id;
  if (rule.peer.kind === 'group') {
    const foreign = whyForeign(rule.peer, inventory.groups.byId);
    if (foreign !== undefined) {
      verdict.unknown(`${describeRule(rule)}: the group ${foreign}`);
      return;
    }
    if (!inventory.groups.byId.has(source)) {
      verdict.unknown(`${describeRule(rule)}: the group is deleted or not in any answer`);
      return;
    }
    if (!isMade(inventory.answers, 'ec2.DescribeNetworkInterfaces'))
      verdict.unknown(`what ${source} is attached to is not in the snapshot`);
    const attachments = inventory.attachments.of(source);
    if (attachments.every(({ unknownReason }) => unknownReason !== undefined)) {
      for (const { name: attachment, unknownReason } of attachments)
        verdict.unknown(`${attachment} may have security group ${source}: ${unknownReason}`);
      inventory.attachments.unknownReasons.forEach(verdict.unknown);
      verdict.pass(`${source} is attached to nothing`);
      return;
    }
  }
  verdict.fail({
    reason: `${describeRule(rule)} opens ${formatTraffic(rule.traffic)}: only tcp 80 and tcp 443 may be open, each by its own rule`,
    path: () => [internetName(readCidr(source)), describeRule(rule), `load balancer ${name}`],
    fix: fixRule(inventory, rule),
  });
}
