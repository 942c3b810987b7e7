// elb-multi-az: zones enabled on the load balancer. elb-open-to-web: exactly tcp 80 and tcp 443, each open to everyone.
import { isMade, listAnswers } from '../answers.ts';
import type { Verdict } from '../findings.ts';
import { chooseFix, fixRule } from '../fixes/write-fix.ts';
import { groupsOf, type Inventory, whyGroupsUnknown } from '../inventory/inventory.ts';
import { describeRule, type GroupRule, whyForeign } from '../inventory/security-groups.ts';
import { type Interval, isEmpty, subtract, unite } from '../network/interval-set.ts';
import {
  type AddressFamily,
  covers,
  exceeds,
  formatSet,
  formatTraffic,
  readCidr,
  wholeFamily,
} from '../network/traffic.ts';
import type { LoadBalancerPart } from '../parts/part.ts';
import { internetName } from '../reach/connection.ts';
import { isUnknownValue } from '../snapshot.ts';
import { attempt, known, knownList, knownOrAbsent } from '../unknown.ts';
import { type Context, defineControl, requireZones } from './control.ts';

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
      judgeOpen(inventory, { ...opening, port, family: 'ipv4' }, verdict);
      // If dual-stack is not known, an open IPv6 range passes, and anything less is unknown.
      if (type?.startsWith('dualstack') !== false)
        judgeOpen(inventory, { ...opening, port, family: 'ipv6' }, verdict);
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

const familyNames: Record<AddressFamily, string> = { ipv4: 'IPv4', ipv6: 'IPv6' };

interface Opening {
  port: number;
  family: AddressFamily;
  /** The rules of all security groups of the load balancer. */
  rules: GroupRule[];
  /** Why rules may be missing from `rules`: a port that looks closed may then be open. */
  unread: string[];
  /** The group to which a fix may add a rule. */
  groupId: string;
}

/** A port is open to a whole address family if the rules together cover each of its addresses. */
function judgeOpen(
  inventory: Inventory,
  { rules, unread, groupId, port, family }: Opening,
  verdict: Verdict,
): void {
  const ranges: Interval[] = [];
  const unknownReasons = [...unread];
  for (const rule of rules.filter(({ traffic }) => covers(traffic, 'tcp', port))) {
    const { peer } = rule;
    if (peer.kind === 'group') continue;
    try {
      const cidrs = peer.kind === 'cidr' ? [peer] : inventory.prefixLists.entriesOf(peer.id);
      for (const { cidr, range } of cidrs) {
        if (range === undefined) unknownReasons.push(`'${cidr}' is not a CIDR`);
        else if (range.family === family) ranges.push(range);
      }
    } catch (error) {
      unknownReasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  const missing = subtract(wholeFamily(family), unite(ranges));
  if (isEmpty(missing)) {
    verdict.pass(`tcp ${port} open to all of ${familyNames[family]}`);
    return;
  }
  if (unknownReasons.length > 0) {
    unknownReasons.forEach(verdict.unknown);
    return;
  }
  const all =
    family === 'ipv4'
      ? '--cidr 0.0.0.0/0'
      : `--ip-permissions 'IpProtocol=tcp,FromPort=${port},ToPort=${port},Ipv6Ranges=[{CidrIpv6=::/0}]'`;
  const what = family === 'ipv4' ? `--protocol tcp --port ${port} ${all}` : all;
  verdict.fail({
    reason: `tcp ${port} is closed to ${ranges.length === 0 ? `all of ${familyNames[family]}` : `${familyNames[family]} ${formatSet(family, missing)}`}`,
    fix: chooseFix(inventory, {
      command: `aws ec2 authorize-security-group-ingress --group-id ${groupId} ${what}`,
      template: `add an ingress rule to ${groupId} for tcp ${port} from ${family === 'ipv4' ? '0.0.0.0/0' : '::/0'}`,
    }),
  });
}

const webPorts = [80, 443];

/** A network load balancer may have no security groups. Its listeners alone then decide what is open. */
function judgeListeners(inventory: Inventory, { id, name }: LoadBalancerPart, verdict: Verdict): void {
  const listed = listAnswers(inventory.answers, 'elbv2', 'DescribeListeners', 'Listeners', id);
  listed.unknownReasons.forEach(verdict.unknown);
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
  const whole = listed.unknownReasons.length === 0 && listed.items.every(({ Port }) => !isUnknownValue(Port));
  for (const port of webPorts.filter((each) => whole && !ports.has(each)))
    verdict.fail({ reason: `nothing listens on ${port}` });
  if (webPorts.every((port) => ports.has(port)))
    verdict.pass('listens on 80 and 443 without a security group');
}

/** Warns of an open port without a listener. Nobody can use it, so it is no failure. */
function warnOfListeners(inventory: Inventory, id: string, verdict: Verdict): void {
  if (!isMade(inventory.answers, 'elbv2.DescribeListeners')) return;
  const listed = listAnswers(inventory.answers, 'elbv2', 'DescribeListeners', 'Listeners', id);
  const ports = listed.items.filter(({ LoadBalancerArn }) => LoadBalancerArn === id).map(({ Port }) => Port);
  for (const port of webPorts)
    if (!ports.includes(port)) verdict.warn(`port ${port} is open and nothing listens on it`);
}

export const elbMultiAz = defineControl({
  id: 'elb-multi-az',
  kind: 'load-balancer',
  title: 'The load balancer stands in at least two Availability Zones',
  why: 'A load balancer in one zone is gone with that zone, whatever stands behind it.',
  how: 'Counts the Availability Zones that are enabled on the load balancer. Local Zones, Wavelength Zones and Outposts do not count. A state other than active is unknown.',
  blind: 'Whether healthy targets stand in each zone, and DNS.',
  remedy: 'aws elbv2 set-subnets --load-balancer-arn ARN --subnets SUBNET-A SUBNET-B',
  references: [
    'https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-subnets.html',
  ],
  needs: ['elbv2.DescribeLoadBalancers'],
  consults: ['ec2.DescribeAvailabilityZones'],
  judge(context, { raw, id, name }, verdict) {
    verdict.attempt(() => {
      const state = known(raw.State?.Code, `the state of ${name}`);
      if (state === 'active_impaired') verdict.warn(`${name} is active_impaired: it cannot scale`);
      else if (state === 'failed') verdict.fail({ reason: `${name} is failed` });
      else if (state !== 'active') verdict.unknown(`${name} is ${state}`);
    });
    verdict.attempt(() => {
      const zones = knownList(raw.AvailabilityZones, `zones of ${name}`).filter(
        ({ OutpostId }) => !OutpostId,
      );
      const names = zones.map((zone) => known(zone.ZoneName, `a zone of ${name}`));
      requireZones(
        context,
        {
          what: 'enabled',
          names,
          fix: chooseFix(context.inventory, {
            command: `aws elbv2 set-subnets --load-balancer-arn ${id} --subnets ${zones.map(({ SubnetId }) => SubnetId).join(' ')} <a subnet in another zone>`,
            template: `add a subnet in another zone to Subnets of ${name}`,
          }),
        },
        verdict,
      );
    });
  },
});
