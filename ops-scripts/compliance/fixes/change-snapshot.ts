// Changes rules, properties and attributes in every answer of a snapshot, as the same change of the account would.
import { formatTraffic, type Traffic, toTraffic } from '../network/traffic.ts';
import type { Snapshot } from '../snapshot.ts';

export type Item = Record<string, unknown>;

/** Why a fix can't be tried. */
export class Unproven extends Error {
  override name = 'Unproven';
}

/** Finds every object of the snapshot's answers, at any depth, in which the member has this value. */
export function itemsWith(snapshot: Snapshot, member: string, value: string): Item[] {
  const found: Item[] = [];
  const visit = (each: unknown): void => {
    if (typeof each !== 'object' || each === null) return;
    if ((each as Item)[member] === value) found.push(each as Item);
    for (const inner of Object.values(each)) visit(inner);
  };
  for (const call of Object.values(snapshot.calls)) if (call.ok) visit(call.result);
  return found;
}

/** Sets members of each object of the snapshot that has the identifier and has the member `whole`. */
export function assign(
  snapshot: Snapshot,
  [member, id, whole]: [string, string, string],
  values: Item,
): void {
  const found = itemsWith(snapshot, member, id).filter((item) => item[whole] !== undefined);
  if (found.length === 0) throw new Unproven(`${id} is not in the snapshot`);
  for (const item of found) Object.assign(item, values);
}

/** A rule of a security group; `source` is a CIDR, a group or a prefix list. */
export interface Permission {
  traffic: Traffic;
  source: string;
}

const peerLists = [
  ['IpRanges', 'CidrIp'],
  ['Ipv6Ranges', 'CidrIpv6'],
  ['PrefixListIds', 'PrefixListId'],
  ['UserIdGroupPairs', 'GroupId'],
] as const;

/** Finds a rule by its id. */
export function ruleOf(snapshot: Snapshot, id: string): Permission {
  const [rule] = itemsWith(snapshot, 'SecurityGroupRuleId', id);
  if (rule === undefined) throw new Unproven(`rule ${id} is not in the snapshot`);
  return toPermission(rule);
}

function toPermission(rule: Item): Permission {
  const reference = rule['ReferencedGroupInfo'] as Item | undefined;
  const source = rule['CidrIpv4'] ?? rule['CidrIpv6'] ?? rule['PrefixListId'] ?? reference?.['GroupId'];
  return { traffic: trafficOf(rule), source: String(source) };
}

function trafficOf({ IpProtocol, FromPort, ToPort }: Item): Traffic {
  return toTraffic(String(IpProtocol), FromPort as number | undefined, ToPort as number | undefined);
}

/** Removes the ingress rule from the answers of both calls that list rules. */
export function removeRule(snapshot: Snapshot, groupId: string, gone: Permission): void {
  const same = (traffic: Traffic) => formatTraffic(traffic) === formatTraffic(gone.traffic);
  let found = 0;
  for (const group of itemsWith(snapshot, 'GroupId', groupId)) {
    if (!Array.isArray(group['IpPermissions'])) continue;
    for (const permission of group['IpPermissions'] as Item[]) {
      if (!same(trafficOf(permission))) continue;
      for (const [list, member] of peerLists) {
        const peers = (permission[list] ?? []) as Item[];
        permission[list] = peers.filter((peer) => peer[member] !== gone.source);
        found += peers.length - (permission[list] as Item[]).length;
      }
    }
  }
  for (const call of Object.values(snapshot.calls)) {
    const rules = call.ok ? call.result['SecurityGroupRules'] : undefined;
    if (!call.ok || !Array.isArray(rules)) continue;
    const left = (rules as Item[]).filter((rule) => {
      if (rule['GroupId'] !== groupId || rule['IsEgress'] === true) return true;
      const own = toPermission(rule);
      return own.source !== gone.source || !same(own.traffic);
    });
    found += rules.length - left.length;
    call.result['SecurityGroupRules'] = left;
  }
  if (found === 0) throw new Unproven(`${groupId} has no such rule in the snapshot`);
}

export function addRule(
  snapshot: Snapshot,
  groupId: string,
  { traffic, source }: Permission,
  side: 'ingress' | 'egress',
): void {
  const kind = source.startsWith('pl-') ? 2 : source.includes(':') ? 1 : /\/\d+$/.test(source) ? 0 : 3;
  const [list, member] = peerLists[kind]!;
  const raw = {
    IpProtocol: traffic.protocol === 'all' ? '-1' : traffic.protocol,
    FromPort: traffic.fromPort,
    ToPort: traffic.toPort,
    [list]: [{ [member]: source }],
  };
  const name = side === 'egress' ? 'IpPermissionsEgress' : 'IpPermissions';
  const groups = itemsWith(snapshot, 'GroupId', groupId).filter((item) => item['GroupName'] !== undefined);
  const declared = groups.filter((group) => Array.isArray(group[name]));
  if (declared.length === 0) throw new Unproven(`the rules of ${groupId} are not in the snapshot`);
  for (const group of declared) (group[name] as unknown[]).push(raw);
}

export function setBalancerAttributes(
  snapshot: Snapshot,
  arn: string,
  wanted: { Key: string; Value: string }[],
): void {
  const calls = Object.entries(snapshot.calls).filter(
    ([key]) => key.startsWith('elbv2.DescribeLoadBalancerAttributes(') && key.includes(JSON.stringify(arn)),
  );
  if (calls.length === 0) throw new Unproven(`attributes of ${arn} are not in the snapshot`);
  for (const [, call] of calls) {
    if (!call.ok) continue;
    const others = ((call.result['Attributes'] ?? []) as Item[]).filter(
      (each) => !wanted.some(({ Key }) => Key === each['Key']),
    );
    call.result['Attributes'] = [...others, ...wanted];
  }
}

export function setRedirect(snapshot: Snapshot, listenerArn: string, RedirectConfig: object): void {
  const DefaultActions = [{ Type: 'redirect', RedirectConfig }];
  assign(snapshot, ['ListenerArn', listenerArn, 'Protocol'], { DefaultActions });
  // DescribeRules repeats the actions of the listener as its default rule.
  for (const [key, call] of Object.entries(snapshot.calls)) {
    if (!key.startsWith('elbv2.DescribeRules(') || !key.includes(JSON.stringify(listenerArn)) || !call.ok)
      continue;
    for (const rule of (call.result['Rules'] ?? []) as Item[])
      if (rule['IsDefault'] === true) rule['Actions'] = DefaultActions;
  }
}

/**
 * Sets a property of every object that has the identifier. `name` is that of a CLI flag, a Terraform argument or a
 * template property.
 */
export function setProperty(
  snapshot: Snapshot,
  [member, id]: [string, string],
  name: string,
  value: string | undefined,
): void {
  const off = name.startsWith('no-');
  const plain = (off ? name.slice(3) : name).replaceAll(/[-_]/g, '').toLowerCase();
  const [property, on] = properties[plain] ?? [];
  if (property === undefined) throw new Unproven(`what ${name} changes is not known here`);
  const text = value ?? String(!off);
  const parsed = /^\d+$/.test(text) ? Number(text) : text === 'true' ? true : text === 'false' ? false : text;
  for (const item of wholesOf(snapshot, [member, id]))
    item[property] = parsed === true && on !== undefined ? on : parsed;
}

export function addLogs(snapshot: Snapshot, identifier: [string, string], types: string[]): void {
  for (const item of wholesOf(snapshot, identifier)) {
    const before = (item['EnabledCloudwatchLogsExports'] ?? []) as string[];
    item['EnabledCloudwatchLogsExports'] = [...before, ...types];
  }
}

/** Returns the objects that describe a resource, without the objects that only mention its name. */
export function wholesOf(snapshot: Snapshot, [member, id]: [string, string]): Item[] {
  const found = itemsWith(snapshot, member, id).filter((item) =>
    (wholeBy[member] ?? []).some((name) => item[name] !== undefined),
  );
  if (found.length === 0) throw new Unproven(`${id} is not in the snapshot`);
  return found;
}

const wholeBy: Record<string, string[]> = {
  AutoScalingGroupName: ['AutoScalingGroupARN', 'VPCZoneIdentifier'],
  DBInstanceIdentifier: ['DBInstanceStatus', 'DBInstanceArn'],
  DBClusterIdentifier: ['DBClusterMembers', 'DBClusterArn'],
  ReplicationGroupId: ['NodeGroups', 'MultiAZ'],
};

/** For each flag without dashes: the member of the answer, and the text that means `true` in it. */
const properties: Record<string, [property: string, on?: string]> = {
  minsize: ['MinSize'],
  multiaz: ['MultiAZ'],
  multiazenabled: ['MultiAZ', 'enabled'],
  automaticfailoverenabled: ['AutomaticFailover', 'enabled'],
  publiclyaccessible: ['PubliclyAccessible'],
  backupretentionperiod: ['BackupRetentionPeriod'],
  deletionprotection: ['DeletionProtection'],
  storageencrypted: ['StorageEncrypted'],
  atrestencryptionenabled: ['AtRestEncryptionEnabled'],
  transitencryptionenabled: ['TransitEncryptionEnabled'],
  transitencryptionmode: ['TransitEncryptionMode'],
  vpczoneidentifier: ['VPCZoneIdentifier'],
};
