// Reads security groups with all their rules from both EC2 calls, and writes rules as text for reports.

import type { IpPermission, SecurityGroupRule } from '@aws-sdk/client-ec2';
import { type Answers, isMade, listAnswers } from '../answers.ts';
import { type Cidr, formatTraffic, readCidr, type Traffic, toTraffic } from '../network/traffic.ts';
import { attempt, known, knownList, knownOrAbsent, knownText, UnknownError } from '../unknown.ts';

export interface SecurityGroup {
  id: string;
  name: string;
  vpcId?: string;
  ingress: GroupRule[];
  egress: GroupRule[];
  /** Whether any call listed the egress rules. */
  egressKnown: boolean;
  /** Why the group may have other ingress rules. */
  unknownReasons: string[];
  /** Why the group may have other egress rules. */
  egressUnknownReasons: string[];
}

export interface SecurityGroups {
  byId: Map<string, SecurityGroup>;
  unknownReasons: string[];
}

const groupsCall = 'an answer to ec2.DescribeSecurityGroups';
const rulesCall = 'an answer to ec2.DescribeSecurityGroupRules';

type AddRule = (group: SecurityGroup, rule: GroupRule) => void;

export function readSecurityGroups(answers: Answers): SecurityGroups {
  const groups: SecurityGroups = { byId: new Map(), unknownReasons: [] };
  const seen = new Map<string, GroupRule>();
  const add: AddRule = (group, rule) => {
    const foreign = rule.peer.kind === 'group' ? (rule.peer.foreign ?? '') : '';
    const key = `${rule.egress}|${group.id}|${formatTraffic(rule.traffic)}|${peerKey(rule.peer)}|${foreign}`;
    const before = seen.get(key);
    if (before === undefined) {
      seen.set(key, rule);
      (rule.egress ? group.egress : group.ingress).push(rule);
    } else if (rule.id !== undefined) before.id ??= rule.id;
  };
  readGroups(answers, groups, add);
  if (isMade(answers, 'ec2.DescribeSecurityGroupRules')) readRules(answers, groups, add);
  return groups;
}

function readGroups(answers: Answers, { byId, unknownReasons }: SecurityGroups, add: AddRule): void {
  const listed = listAnswers(answers, 'ec2', 'DescribeSecurityGroups', 'SecurityGroups');
  unknownReasons.push(...listed.unknownReasons);
  const rulesAreListed = isMade(answers, 'ec2.DescribeSecurityGroupRules');
  for (const raw of listed.items) {
    const id = attempt(
      () => knownText(raw.GroupId, 'the id of a security group'),
      (reason) => unknownReasons.push(reason),
    );
    if (id === undefined) continue;
    const group = openGroup(byId, id);
    group.name = typeof raw.GroupName === 'string' ? raw.GroupName : id;
    group.egressKnown = raw.IpPermissionsEgress !== undefined || rulesAreListed;
    if (raw.VpcId !== undefined) group.vpcId = raw.VpcId;
    for (const [permissions, egress] of [
      [raw.IpPermissions, false],
      [raw.IpPermissionsEgress, true],
    ] as const) {
      const unread = egress ? group.egressUnknownReasons : group.unknownReasons;
      const tell = (reason: string) => unread.push(reason);
      if (permissions === undefined && !rulesAreListed) {
        if (!egress) tell(`rules of ${id} are not in the answer`);
        continue;
      }
      const own = answers.snapshot.account;
      const addAll = (permission: NonNullable<typeof permissions>[number]) => {
        for (const rule of fromPermission(permission, id, egress, own)) add(group, rule);
      };
      const list = attempt(() => knownList(permissions, `rules of ${id}`), tell, groupsCall);
      for (const permission of list ?? []) attempt(() => addAll(permission), tell, groupsCall);
    }
  }
}

function readRules(answers: Answers, { byId, unknownReasons }: SecurityGroups, add: AddRule): void {
  const rules = listAnswers(answers, 'ec2', 'DescribeSecurityGroupRules', 'SecurityGroupRules');
  unknownReasons.push(...rules.unknownReasons);
  for (const raw of rules.items) {
    const id = attempt(
      () => known(raw.GroupId, 'the group of a rule'),
      (reason) => unknownReasons.push(reason),
    );
    // A rule of a group that is not in the list is skipped: every part with that group finds the group missing.
    const group = id === undefined ? undefined : byId.get(id);
    if (group === undefined) continue;
    attempt(
      () => add(group, fromRule(raw, group.id, answers.snapshot.account)),
      (reason) => {
        // A rule without a direction may be of either direction.
        if (raw.IsEgress !== true) group.unknownReasons.push(reason);
        if (raw.IsEgress !== false) group.egressUnknownReasons.push(reason);
      },
      rulesCall,
    );
  }
}

function openGroup(byId: Map<string, SecurityGroup>, id: string): SecurityGroup {
  const group = byId.get(id) ?? {
    id,
    name: id,
    ingress: [],
    egress: [],
    egressKnown: false,
    unknownReasons: [],
    egressUnknownReasons: [],
  };
  byId.set(id, group);
  return group;
}

export type AddressPeer = ({ kind: 'cidr' } & Cidr) | { kind: 'prefix-list'; id: string };

export interface GroupPeer {
  kind: 'group';
  id: string;
  /** Why it is not a group of this account. */
  foreign?: string;
  /** Why it belongs to another network, whether or not this account's answers contain it. */
  peered?: string;
}

type Peer = AddressPeer | GroupPeer;

export interface GroupRule<P extends Peer = Peer> {
  /** The rule's id, if AWS gave one. */
  id?: string;
  groupId: string;
  egress: boolean;
  traffic: Traffic;
  peer: P;
}

/**
 * Why a source group can't be resolved. A group of a peered network is resolved like any other if the answers contain
 * it.
 */
export function whyForeign(
  { id, foreign, peered }: GroupPeer,
  shown: ReadonlyMap<string, unknown>,
): string | undefined {
  return foreign ?? (shown.has(id) ? undefined : peered);
}

/** Returns the CIDR, or the id of the group or prefix list. */
export function peerKey(peer: Peer): string {
  return peer.kind === 'cidr' ? peer.cidr : peer.id;
}

/** `sgr-1 (tcp 22 from 0.0.0.0/0) of sg-2` */
export function describeRule(rule: GroupRule): string {
  const text = `${formatTraffic(rule.traffic)} ${rule.egress ? 'to' : 'from'} ${peerKey(rule.peer)}`;
  return rule.id ? `rule ${rule.id} (${text}) of ${rule.groupId}` : `rule (${text}) of ${rule.groupId}`;
}

/**
 * Reads the rules of one entry of DescribeSecurityGroups, one for each source. Throws an UnknownError where one can't
 * be known.
 */
export function fromPermission(
  raw: IpPermission,
  groupId: string,
  egress: boolean,
  account: string,
): GroupRule[] {
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

/** Reads one entry of DescribeSecurityGroupRules. Throws an UnknownError where the rule can't be known. */
export function fromRule(raw: SecurityGroupRule, groupId: string, account: string): GroupRule {
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

/** Throws for anything but a number: comparisons with garbage are false, so the rule would seem to open no port. */
function readPort(port: number | undefined, groupId: string): number | undefined {
  const present = knownOrAbsent(port, `a port of a rule of ${groupId}`);
  if (present !== undefined && !Number.isInteger(Number(present)))
    throw new UnknownError(`a port of a rule of ${groupId} is not a number`);
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
  if (from.UserId && account && from.UserId !== account)
    return { kind: 'group', id, foreign: `is of account ${from.UserId}` };
  if (from.VpcPeeringConnectionId)
    return { kind: 'group', id, peered: `is in the peered VPC of ${from.VpcPeeringConnectionId}` };
  return { kind: 'group', id };
}
