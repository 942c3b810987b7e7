// Reads security group rules from both EC2 calls; groups of another account or VPC are marked as foreign.
import type { IpPermission, SecurityGroupRule } from '@aws-sdk/client-ec2';
import { readCidr } from '../network/cidr.ts';
import { type Traffic, toTraffic } from '../network/traffic.ts';
import { known, knownList, knownOrAbsent, knownText, UnknownError } from '../unknown.ts';
import type { GroupRule, Peer } from './group-rule.ts';

/** The rules of one entry of DescribeSecurityGroups, one a source; throws an UnknownError where one can't be known. */
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

/** The rule of one entry of DescribeSecurityGroupRules; throws an UnknownError where it can't be known. */
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

/** Garbage compares with no port, so that it would seem to open none. */
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
