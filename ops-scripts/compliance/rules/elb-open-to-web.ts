// elb-open-to-web: exactly ports 80 and 443, each open to all of IPv4 (and IPv6 where dual-stack), and nothing else.
import { isMade, listAnswers } from '../answers.ts';
import { attempt, known, knownOrAbsent } from '../doubt.ts';
import { type Family, wholeFamily } from '../network/address.ts';
import { readCidr } from '../network/cidr.ts';
import { formatSet } from '../network/format-set.ts';
import { type Interval, isEmpty, subtract, unite } from '../network/interval-set.ts';
import { covers, exceeds, formatTraffic } from '../network/traffic.ts';
import { fixRule } from '../reach/fix.ts';
import { internetName } from '../reach/internet-path.ts';
import { isUnknownValue } from '../snapshot.ts';
import type { Verdict } from '../verdict.ts';
import { describeRule, type GroupRule } from '../world/group-rule.ts';
import { groupDoubtsOf, groupsOf } from '../world/wearers.ts';
import { type Context, defineControl } from './control.ts';

const webPorts = [80, 443];

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
      if (part.raw.Type === 'network' && part.groupDoubts.length === 0)
        judgeListeners(context, part.id, part.name, verdict);
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
    for (const port of webPorts) {
      judgeOpen(context, rules, unread, port, 'ipv4', groups[0]!, verdict);
      // Where it is not known that IPv6 is served, all of it open is enough, and less is a doubt.
      if (type?.startsWith('dualstack') !== false)
        judgeOpen(context, rules, unread, port, 'ipv6', groups[0]!, verdict);
    }
    verdict.attempt(() => warnOfListeners(context, part.id, verdict));
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

function judgeOpen(
  { world }: Context,
  rules: GroupRule[],
  /** Why there may be rules that `rules` lacks: what looks closed may then be open. */
  unread: string[],
  port: number,
  family: Family,
  groupId: string,
  verdict: Verdict,
): void {
  const ranges: Interval[] = [];
  const doubts = [...unread];
  for (const rule of rules.filter(({ traffic }) => covers(traffic, 'tcp', port))) {
    const { peer } = rule;
    if (peer.kind === 'group') continue;
    try {
      const cidrs = peer.kind === 'cidr' ? [peer] : world.prefixLists.entriesOf(peer.id);
      for (const { cidr, range } of cidrs) {
        if (range === undefined) doubts.push(`'${cidr}' is not a CIDR`);
        else if (range.family === family) ranges.push(range);
      }
    } catch (error) {
      doubts.push(error instanceof Error ? error.message : String(error));
    }
  }
  const missing = subtract(wholeFamily(family), unite(ranges));
  if (isEmpty(missing)) {
    verdict.hold(`tcp ${port} open to all of ${familyNames[family]}`);
    return;
  }
  if (doubts.length > 0) {
    doubts.forEach(verdict.doubt);
    return;
  }
  const all =
    family === 'ipv4'
      ? '--cidr 0.0.0.0/0'
      : `--ip-permissions 'IpProtocol=tcp,FromPort=${port},ToPort=${port},Ipv6Ranges=[{CidrIpv6=::/0}]'`;
  const what = family === 'ipv4' ? `--protocol tcp --port ${port} ${all}` : all;
  verdict.fail({
    reason: `tcp ${port} is closed to ${ranges.length === 0 ? `all of ${familyNames[family]}` : `${familyNames[family]} ${formatSet(family, missing)}`}`,
    fix: `aws ec2 authorize-security-group-ingress --group-id ${groupId} ${what} --region ${world.region}`,
  });
}

const familyNames: Record<Family, string> = { ipv4: 'IPv4', ipv6: 'IPv6' };

/** Without security groups (a network load balancer may have none) its listeners alone say what is open, to everyone. */
function judgeListeners({ world }: Context, id: string, name: string, verdict: Verdict): void {
  const listed = listAnswers(world.answers, 'elbv2', 'DescribeListeners', 'Listeners', id);
  listed.doubts.forEach(verdict.doubt);
  const ports = new Set<number>();
  for (const { Port, Protocol } of listed.items.filter(({ LoadBalancerArn }) => LoadBalancerArn === id)) {
    verdict.attempt(() => {
      const port = Number(known(Port, `the port of a listener of ${name}`));
      const protocol = String(known(Protocol, `the protocol of listener ${port} of ${name}`));
      const byUdp = /UDP|QUIC/.test(protocol);
      if (protocol !== 'UDP' && protocol !== 'QUIC') ports.add(port);
      if (webPorts.includes(port) && !byUdp) return;
      verdict.fail({
        reason: `${name} listens on ${port}${byUdp ? ` by ${protocol}` : ''} and has no security group`,
        path: () => [internetName(readCidr('0.0.0.0/0')), `listener ${port}`, `load balancer ${name}`],
      });
    });
  }
  const whole = listed.doubts.length === 0 && listed.items.every(({ Port }) => !isUnknownValue(Port));
  for (const port of webPorts.filter((each) => whole && !ports.has(each)))
    verdict.fail({ reason: `nothing listens on ${port}` });
  if (webPorts.every((port) => ports.has(port)))
    verdict.hold('listens on 80 and 443 without a security group');
}

function warnOfListeners({ world }: Context, id: string, verdict: Verdict): void {
  if (!isMade(world.answers, 'elbv2.DescribeListeners')) return;
  const listed = listAnswers(world.answers, 'elbv2', 'DescribeListeners', 'Listeners', id);
  const ports = listed.items.filter(({ LoadBalancerArn }) => LoadBalancerArn === id).map(({ Port }) => Port);
  for (const port of webPorts)
    if (!ports.includes(port)) verdict.warn(`port ${port} is open and nothing listens on it`);
}
