// Applies AWS CLI commands of fixes to a snapshot, as AWS would to the account; what is not known here is refused.
import type { Snapshot } from '../snapshot.ts';

type Item = Record<string, unknown>;
type Flags = Map<string, string[]>;

/** Why a fix can't be tried. */
export class Unproven extends Error {
  override name = 'Unproven';
}

/** Changes the snapshot. Throws an Unproven for a command that leaves something to choose, or is not known here. */
export function applyCommand(snapshot: Snapshot, line: string): void {
  const choice = /<[^>]+>/.exec(line)?.[0];
  if (choice !== undefined) throw new Unproven(`it leaves a choice: ${choice}`);
  const [aws, service, operation, ...rest] = wordsOf(line);
  if (aws !== 'aws' || service === undefined || operation === undefined)
    throw new Unproven('it is no command of the AWS CLI');
  const flags = flagsOf(rest);
  const known = operations[operation];
  if (known !== undefined) known(snapshot, flags);
  else if (/^(modify|update|set)-/.test(operation)) setProperties(snapshot, flags);
  else throw new Unproven(`what ${operation} does is not known here`);
}

/** Splits a command into words as a shell does: quoted text stays one word. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => {
    return single ?? double ?? plain ?? '';
  });
}

function flagsOf(words: string[]): Flags {
  const flags: Flags = new Map();
  let current: string[] = [];
  for (const word of words) {
    if (word.startsWith('--')) {
      current = [];
      flags.set(word.slice(2), current);
    } else current.push(word);
  }
  return flags;
}

const operations: Record<string, (snapshot: Snapshot, flags: Flags) => void> = {
  'revoke-security-group-ingress': (snapshot, flags) => revoke(snapshot, flags),
  'authorize-security-group-ingress': (snapshot, flags) => authorize(snapshot, flags, false),
  'authorize-security-group-egress': (snapshot, flags) => authorize(snapshot, flags, true),
  'modify-network-interface-attribute': (snapshot, flags) =>
    setGroups(snapshot, 'NetworkInterfaceId', first(flags, 'network-interface-id'), flags),
  'modify-instance-attribute': (snapshot, flags) =>
    setGroups(snapshot, 'InstanceId', first(flags, 'instance-id'), flags),
  'modify-listener': modifyListener,
  'modify-load-balancer-attributes': modifyBalancerAttributes,
  'modify-instance-metadata-options': (snapshot, flags) =>
    assign(snapshot, ['InstanceId', first(flags, 'instance-id'), 'MetadataOptions'], {
      MetadataOptions: { HttpTokens: first(flags, 'http-tokens') },
    }),
  'put-scheduled-update-group-action': (snapshot, flags) => {
    const name = first(flags, 'scheduled-action-name');
    for (const item of itemsWith(snapshot, 'ScheduledActionName', name))
      item['MinSize'] = Number(first(flags, 'min-size'));
  },
};

/** Sets members of every object of the snapshot that bears the identifier and has the member `whole`. */
function assign(snapshot: Snapshot, [member, id, whole]: [string, string, string], values: Item): void {
  const found = itemsWith(snapshot, member, id).filter((item) => item[whole] !== undefined);
  if (found.length === 0) throw new Unproven(`${id} is not in the snapshot`);
  for (const item of found) Object.assign(item, values);
}

function modifyListener(snapshot: Snapshot, flags: Flags): void {
  const arn = first(flags, 'listener-arn');
  const policy = flags.get('ssl-policy')?.[0];
  if (policy !== undefined) assign(snapshot, ['ListenerArn', arn, 'Protocol'], { SslPolicy: policy });
  const action = flags.get('default-actions')?.[0];
  if (action === undefined) return;
  const [, config] = /^Type=redirect,RedirectConfig=\{(.*)\}$/.exec(action) ?? [];
  if (config === undefined) throw new Unproven('what else than a redirect it sets is not known here');
  const RedirectConfig = Object.fromEntries(config.split(',').map((pair) => pair.split('=')));
  const DefaultActions = [{ Type: 'redirect', RedirectConfig }];
  assign(snapshot, ['ListenerArn', arn, 'Protocol'], { DefaultActions });
  // The default rule of the listener has its actions too.
  for (const [key, call] of Object.entries(snapshot.calls)) {
    if (!key.startsWith('elbv2.DescribeRules(') || !key.includes(JSON.stringify(arn)) || !call.ok) continue;
    for (const rule of (call.result['Rules'] ?? []) as Item[])
      if (rule['IsDefault'] === true) rule['Actions'] = DefaultActions;
  }
}

function modifyBalancerAttributes(snapshot: Snapshot, flags: Flags): void {
  const arn = first(flags, 'load-balancer-arn');
  const wanted = (flags.get('attributes') ?? []).map((text) => {
    const [, Key, Value] = /^Key=([^,]+),Value=(.+)$/.exec(text) ?? [];
    if (Key === undefined) throw new Unproven(`the attribute ${text} is not known here`);
    return { Key, Value };
  });
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

function first(flags: Flags, name: string): string {
  const value = flags.get(name)?.[0];
  if (value === undefined) throw new Unproven(`it has no --${name}`);
  return value;
}

/** Every object of the snapshot's answers, at any depth, in which the member has this value. */
function itemsWith(snapshot: Snapshot, member: string, value: string): Item[] {
  const found: Item[] = [];
  const visit = (each: unknown): void => {
    if (typeof each !== 'object' || each === null) return;
    if ((each as Item)[member] === value) found.push(each as Item);
    for (const inner of Object.values(each)) visit(inner);
  };
  for (const call of Object.values(snapshot.calls)) if (call.ok) visit(call.result);
  return found;
}

interface Permission {
  protocol: string;
  from?: number;
  to?: number;
  source: string;
}

/** Of the short form `IpProtocol=tcp,FromPort=22,ToPort=22,IpRanges=[{CidrIp=0.0.0.0/0}]`, or of single flags. */
function permissionOf(flags: Flags): Permission {
  const text = flags.get('ip-permissions')?.[0];
  if (text === undefined) {
    const port = Number(first(flags, 'port'));
    const source = flags.get('source-group')?.[0] ?? first(flags, 'cidr');
    return { protocol: first(flags, 'protocol'), from: port, to: port, source };
  }
  const value = (name: string) => new RegExp(`\\b${name}=([^,\\]}]+)`).exec(text)?.[1];
  const source = /\{(?:CidrIp|CidrIpv6|GroupId|PrefixListId)=([^},]+)/.exec(text)?.[1];
  const protocol = value('IpProtocol');
  if (protocol === undefined || source === undefined) throw new Unproven(`'${text}' can't be read`);
  const [from, to] = [value('FromPort'), value('ToPort')];
  return {
    protocol,
    source,
    ...(from === undefined ? {} : { from: Number(from) }),
    ...(to === undefined ? {} : { to: Number(to) }),
  };
}

const peerLists = [
  ['IpRanges', 'CidrIp'],
  ['Ipv6Ranges', 'CidrIpv6'],
  ['PrefixListIds', 'PrefixListId'],
  ['UserIdGroupPairs', 'GroupId'],
] as const;

/** Takes the rule out of both calls that tell it. */
function revoke(snapshot: Snapshot, flags: Flags): void {
  const groupId = first(flags, 'group-id');
  const ids = flags.get('security-group-rule-ids');
  const revoked = ids === undefined ? [permissionOf(flags)] : ids.map((id) => ruleOf(snapshot, id));
  for (const permission of revoked) removeRule(snapshot, groupId, permission);
}

function ruleOf(snapshot: Snapshot, id: string): Permission {
  const [rule] = itemsWith(snapshot, 'SecurityGroupRuleId', id);
  if (rule === undefined) throw new Unproven(`rule ${id} is not in the snapshot`);
  return toPermission(rule);
}

function toPermission(rule: Item): Permission {
  const reference = rule['ReferencedGroupInfo'] as Item | undefined;
  const source = rule['CidrIpv4'] ?? rule['CidrIpv6'] ?? rule['PrefixListId'] ?? reference?.['GroupId'];
  return {
    protocol: String(rule['IpProtocol']),
    from: rule['FromPort'] as number,
    to: rule['ToPort'] as number,
    source: String(source),
  };
}

function removeRule(snapshot: Snapshot, groupId: string, gone: Permission): void {
  const same = ({ protocol, from, to }: Omit<Permission, 'source'>) =>
    protocol === gone.protocol &&
    (protocol === '-1' || ((from ?? -1) === (gone.from ?? -1) && (to ?? -1) === (gone.to ?? -1)));
  let found = 0;
  for (const group of itemsWith(snapshot, 'GroupId', groupId)) {
    if (!Array.isArray(group['IpPermissions'])) continue;
    for (const permission of group['IpPermissions'] as Item[]) {
      const traffic = {
        protocol: String(permission['IpProtocol']),
        from: permission['FromPort'],
        to: permission['ToPort'],
      };
      if (!same(traffic as Permission)) continue;
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
      return own.source !== gone.source || !same(own);
    });
    found += rules.length - left.length;
    call.result['SecurityGroupRules'] = left;
  }
  if (found === 0) throw new Unproven(`${groupId} has no such rule in the snapshot`);
}

function authorize(snapshot: Snapshot, flags: Flags, egress: boolean): void {
  const groupId = first(flags, 'group-id');
  addRule(snapshot, groupId, permissionOf(flags), egress);
}

function addRule(snapshot: Snapshot, groupId: string, permission: Permission, egress: boolean): void {
  const { protocol, from, to, source } = permission;
  const kind = source.startsWith('pl-') ? 2 : source.includes(':') ? 1 : /\/\d+$/.test(source) ? 0 : 3;
  const [list, member] = peerLists[kind]!;
  const raw = { IpProtocol: protocol, FromPort: from, ToPort: to, [list]: [{ [member]: source }] };
  const name = egress ? 'IpPermissionsEgress' : 'IpPermissions';
  const groups = itemsWith(snapshot, 'GroupId', groupId).filter((item) => item['GroupName'] !== undefined);
  const declared = groups.filter((group) => Array.isArray(group[name]));
  if (declared.length === 0) throw new Unproven(`the rules of ${groupId} are not in the snapshot`);
  for (const group of declared) (group[name] as unknown[]).push(raw);
}

function setGroups(snapshot: Snapshot, member: string, id: string, flags: Flags): void {
  const groups = (flags.get('groups') ?? []).map((GroupId) => ({ GroupId }));
  const found = itemsWith(snapshot, member, id).filter((item) => item['Groups'] ?? item['SecurityGroups']);
  if (groups.length === 0 || found.length === 0) throw new Unproven(`${id} is not in the snapshot`);
  for (const item of found) item[item['Groups'] === undefined ? 'SecurityGroups' : 'Groups'] = groups;
}

const identifiers: Record<string, string> = {
  'auto-scaling-group-name': 'AutoScalingGroupName',
  'db-instance-identifier': 'DBInstanceIdentifier',
  'db-cluster-identifier': 'DBClusterIdentifier',
  'replication-group-id': 'ReplicationGroupId',
};

/** Flags that say when and where, not what. */
const idleFlags = new Set(['region', 'apply-immediately', 'profile']);

/** `modify-…` and `update-…`: each flag is a property of what its identifier names. */
function setProperties(snapshot: Snapshot, flags: Flags): void {
  const [flag, member] = Object.entries(identifiers).find(([name]) => flags.has(name)) ?? [];
  if (flag === undefined || member === undefined) throw new Unproven('what it changes is not known here');
  const name = first(flags, flag);
  for (const [other, values] of flags)
    if (other === 'cloudwatch-logs-export-configuration') addLogs(snapshot, [member, name], values[0] ?? '');
    else if (other !== flag && !idleFlags.has(other)) setProperty(snapshot, [member, name], other, values[0]);
}

function addLogs(snapshot: Snapshot, [member, id]: [string, string], text: string): void {
  const [, types] = /^EnableLogTypes=(.+)$/.exec(text) ?? [];
  const found = itemsWith(snapshot, member, id).filter((item) => isWhole(item, member));
  if (types === undefined || found.length === 0) throw new Unproven(`what ${text} changes is not known here`);
  for (const item of found) {
    const before = (item['EnabledCloudwatchLogsExports'] ?? []) as string[];
    item['EnabledCloudwatchLogsExports'] = [...before, ...types.split(',')];
  }
}

/** Sets what the names of a flag, of Terraform or of a template call so, on everything that bears the identifier. */
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
  const found = itemsWith(snapshot, member, id).filter((item) => isWhole(item, member));
  if (found.length === 0) throw new Unproven(`${id} is not in the snapshot`);
  const text = value ?? String(!off);
  const parsed = /^\d+$/.test(text) ? Number(text) : text === 'true' ? true : text === 'false' ? false : text;
  for (const item of found) item[property] = parsed === true && on !== undefined ? on : parsed;
}

/** The description itself, and not a mention of its name in another. */
function isWhole(item: Item, member: string): boolean {
  const also: Record<string, string[]> = {
    AutoScalingGroupName: ['MinSize', 'AutoScalingGroupARN'],
    DBInstanceIdentifier: ['DBInstanceStatus', 'DBInstanceArn'],
    DBClusterIdentifier: ['DBClusterMembers', 'DBClusterArn', 'DBClusterArn'],
    ReplicationGroupId: ['NodeGroups', 'MultiAZ'],
  };
  if (member === 'AutoScalingGroupName') return item['ScheduledActionName'] === undefined;
  return (also[member] ?? []).some((name) => item[name] !== undefined);
}

/** By flag without dashes: the member of the answer, and what stands for `true` in it. */
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
