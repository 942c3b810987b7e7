// Security groups with all their rules, from either of the two calls that tell them, each rule once.
import type { IpPermission, SecurityGroupRule } from '@aws-sdk/client-ec2';
import { type Answers, isMade, listAnswers } from '../answers.ts';
import { attempt, Doubt, known, knownList, knownOrAbsent, knownText } from '../doubt.ts';
import { readCidr } from '../network/cidr.ts';
import { formatTraffic, type Traffic, toTraffic } from '../network/traffic.ts';
import { type GroupRule, type Peer, peerKey } from './group-rule.ts';

export interface SecurityGroup {
  id: string;
  name: string;
  vpcId?: string;
  ingress: GroupRule[];
  egress: GroupRule[];
  /** Whether any call told the egress rules. */
  egressKnown: boolean;
  /** Why there may be other rules. */
  doubts: string[];
}

export interface SecurityGroups {
  byId: Map<string, SecurityGroup>;
  doubts: string[];
}

const groupsCall = 'an answer to ec2.DescribeSecurityGroups';
const rulesCall = 'an answer to ec2.DescribeSecurityGroupRules';

export function readSecurityGroups(answers: Answers): SecurityGroups {
  const listed = listAnswers(answers, 'ec2', 'DescribeSecurityGroups', 'SecurityGroups');
  const byId = new Map<string, SecurityGroup>();
  const doubts = [...listed.doubts];
  const seen = new Map<string, GroupRule>();
  const own = answers.snapshot.account;
  const add = (group: SecurityGroup, rule: GroupRule) => {
    const key = `${rule.egress}|${group.id}|${formatTraffic(rule.traffic)}|${peerKey(rule.peer)}|${rule.peer.kind === 'group' ? (rule.peer.foreign ?? '') : ''}`;
    const before = seen.get(key);
    if (before === undefined) {
      seen.set(key, rule);
      (rule.egress ? group.egress : group.ingress).push(rule);
    } else if (rule.id !== undefined) before.id ??= rule.id;
  };
  for (const raw of listed.items) {
    const id = attempt(
      () => knownText(raw.GroupId, 'the id of a security group'),
      (reason) => doubts.push(reason),
    );
    if (id === undefined) continue;
    const group = openGroup(byId, id);
    group.name = typeof raw.GroupName === 'string' ? raw.GroupName : id;
    group.egressKnown =
      raw.IpPermissionsEgress !== undefined || isMade(answers, 'ec2.DescribeSecurityGroupRules');
    if (raw.VpcId !== undefined) group.vpcId = raw.VpcId;
    for (const [permissions, egress] of [
      [raw.IpPermissions, false],
      [raw.IpPermissionsEgress, true],
    ] as const) {
      if (permissions === undefined && !isMade(answers, 'ec2.DescribeSecurityGroupRules')) {
        if (!egress) group.doubts.push(`rules of ${id} are not in the answer`);
        continue;
      }
      const list = attempt(
        () => knownList(permissions, `rules of ${id}`),
        (reason) => group.doubts.push(reason),
        groupsCall,
      );
      for (const permission of list ?? []) {
        attempt(
          () => {
            for (const rule of fromPermission(permission, id, egress, own)) add(group, rule);
          },
          (reason) => group.doubts.push(reason),
          groupsCall,
        );
      }
    }
  }
  if (isMade(answers, 'ec2.DescribeSecurityGroupRules')) {
    const rules = listAnswers(answers, 'ec2', 'DescribeSecurityGroupRules', 'SecurityGroupRules');
    doubts.push(...rules.doubts);
    for (const raw of rules.items) {
      const id = attempt(
        () => known(raw.GroupId, 'the group of a rule'),
        (reason) => doubts.push(reason),
      );
      // A rule whose group is not in the list of groups: only the group's own absence may speak for it.
      const group = id === undefined ? undefined : byId.get(id);
      if (group === undefined) continue;
      attempt(
        () => add(group, fromRule(raw, group.id, own)),
        (reason) => group.doubts.push(reason),
        rulesCall,
      );
    }
  }
  return { byId, doubts };
}

function openGroup(byId: Map<string, SecurityGroup>, id: string): SecurityGroup {
  const group = byId.get(id) ?? { id, name: id, ingress: [], egress: [], egressKnown: false, doubts: [] };
  byId.set(id, group);
  return group;
}

function fromPermission(raw: IpPermission, groupId: string, egress: boolean, account: string): GroupRule[] {
  const traffic = readTraffic(raw, groupId);
  const peers: Peer[] = [
    ...knownList(raw.IpRanges, `sources of ${groupId}`).map((range) => cidr(range.CidrIp, groupId)),
    ...knownList(raw.Ipv6Ranges, `sources of ${groupId}`).map((range) => cidr(range.CidrIpv6, groupId)),
    ...knownList(raw.PrefixListIds, `sources of ${groupId}`).map(
      (list): Peer => ({ kind: 'prefix-list', id: known(list.PrefixListId, `a prefix list of ${groupId}`) }),
    ),
    ...knownList(raw.UserIdGroupPairs, `sources of ${groupId}`).map((pair) =>
      groupPeer(known(pair.GroupId, `a source group of ${groupId}`), pair, account),
    ),
  ];
  return peers.map((peer) => ({ groupId, egress, traffic, peer }));
}

function fromRule(raw: SecurityGroupRule, groupId: string, account: string): GroupRule {
  const reference = knownOrAbsent(raw.ReferencedGroupInfo, `a source group of ${groupId}`);
  const ipv4 = knownOrAbsent(raw.CidrIpv4, `a source of ${groupId}`);
  const ipv6 = knownOrAbsent(raw.CidrIpv6, `a source of ${groupId}`);
  const list = knownOrAbsent(raw.PrefixListId, `a source of ${groupId}`);
  const peer: Peer = reference
    ? groupPeer(known(reference.GroupId, `a source group of ${groupId}`), reference, account)
    : list
      ? { kind: 'prefix-list', id: list }
      : cidr(ipv4 ?? ipv6, groupId);
  const id = raw.SecurityGroupRuleId;
  return {
    ...(id ? { id } : {}),
    groupId,
    egress: raw.IsEgress === true,
    traffic: readTraffic(raw, groupId),
    peer,
  };
}

function readTraffic(raw: IpPermission | SecurityGroupRule, groupId: string): Traffic {
  return toTraffic(
    known(raw.IpProtocol, `the protocol of a rule of ${groupId}`),
    readPort(raw.FromPort, groupId),
    readPort(raw.ToPort, groupId),
  );
}

/** Garbage compares with no port, so that it would seem to open none. */
function readPort(port: number | undefined, groupId: string): number | undefined {
  const present = knownOrAbsent(port, `a port of a rule of ${groupId}`);
  if (present !== undefined && !Number.isInteger(Number(present)))
    throw new Doubt(`a port of a rule of ${groupId} is not a number`);
  return present;
}

function cidr(text: string | undefined, groupId: string): Peer {
  return { kind: 'cidr', ...readCidr(knownText(text, `a source of ${groupId}`)) };
}

function groupPeer(
  id: string,
  from: {
    UserId?: string | undefined;
    VpcPeeringConnectionId?: string | undefined;
    PeeringStatus?: string | undefined;
  },
  account: string,
): Peer {
  if (from.VpcPeeringConnectionId)
    return { kind: 'group', id, foreign: `is in the peered VPC of ${from.VpcPeeringConnectionId}` };
  if (from.UserId && account && from.UserId !== account)
    return { kind: 'group', id, foreign: `is of account ${from.UserId}` };
  return { kind: 'group', id };
}
