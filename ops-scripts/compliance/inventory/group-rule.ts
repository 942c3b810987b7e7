// One rule of a security group: its traffic, its source or destination, and its text in a report.
import type { Cidr } from '../network/cidr.ts';
import { formatTraffic, type Traffic } from '../network/traffic.ts';

export type AddressPeer = ({ kind: 'cidr' } & Cidr) | { kind: 'prefix-list'; id: string };

export interface GroupPeer {
  kind: 'group';
  id: string;
  /** Why it is no group of this account. */
  foreign?: string;
  /** Why it is of another network, where this account may show it or not. */
  peered?: string;
}

export type Peer = AddressPeer | GroupPeer;

export interface GroupRule<P extends Peer = Peer> {
  /** The rule's id where AWS gave it. */
  id?: string;
  groupId: string;
  egress: boolean;
  traffic: Traffic;
  peer: P;
}

/**
 * Why a source group can't be resolved. A group of a peered network is resolved like any other if the account shows it.
 */
export function whyForeign(
  { id, foreign, peered }: GroupPeer,
  shown: ReadonlyMap<string, unknown>,
): string | undefined {
  return foreign ?? (shown.has(id) ? undefined : peered);
}

/** The CIDR, or the id of the group or list. */
export function peerKey(peer: Peer): string {
  return peer.kind === 'cidr' ? peer.cidr : peer.id;
}

/** `sgr-1 (tcp 22 from 0.0.0.0/0) of sg-2` */
export function describeRule(rule: GroupRule): string {
  const text = `${formatTraffic(rule.traffic)} ${rule.egress ? 'to' : 'from'} ${peerKey(rule.peer)}`;
  return rule.id ? `rule ${rule.id} (${text}) of ${rule.groupId}` : `rule (${text}) of ${rule.groupId}`;
}
