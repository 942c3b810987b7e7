// Applies the AWS CLI commands of fixes to a snapshot, as AWS would to the account; refuses unknown commands.
import { toTraffic } from '../network/traffic.ts';
import type { Snapshot } from '../snapshot.ts';
import {
  addLogs,
  addRule,
  assign,
  itemsWith,
  type Permission,
  removeRule,
  ruleOf,
  setBalancerAttributes,
  setProperty,
  setRedirect,
  Unproven,
} from './change-snapshot.ts';

type Flags = Map<string, string[]>;

/**
 * Changes the snapshot. Throws an Unproven for an unknown command, or for one that still has a `<choice>` to fill in.
 */
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
  'revoke-security-group-ingress': revoke,
  'authorize-security-group-ingress': (snapshot, flags) => authorize(snapshot, flags, 'ingress'),
  'authorize-security-group-egress': (snapshot, flags) => authorize(snapshot, flags, 'egress'),
  'modify-network-interface-attribute': (snapshot, flags) =>
    setGroups(snapshot, 'NetworkInterfaceId', first(flags, 'network-interface-id'), flags),
  'modify-instance-attribute': (snapshot, flags) =>
    setGroups(snapshot, 'InstanceId', first(flags, 'instance-id'), flags),
  'modify-listener': modifyListener,
  'modify-load-balancer-attributes': (snapshot, flags) => {
    const wanted = (flags.get('attributes') ?? []).map((text) => {
      const [, Key, Value] = /^Key=([^,]+),Value=(.+)$/.exec(text) ?? [];
      if (Key === undefined || Value === undefined)
        throw new Unproven(`the attribute ${text} is not known here`);
      return { Key, Value };
    });
    setBalancerAttributes(snapshot, first(flags, 'load-balancer-arn'), wanted);
  },
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

function modifyListener(snapshot: Snapshot, flags: Flags): void {
  const arn = first(flags, 'listener-arn');
  const policy = flags.get('ssl-policy')?.[0];
  if (policy !== undefined) assign(snapshot, ['ListenerArn', arn, 'Protocol'], { SslPolicy: policy });
  const action = flags.get('default-actions')?.[0];
  if (action === undefined) return;
  const [, config] = /^Type=redirect,RedirectConfig=\{(.*)\}$/.exec(action) ?? [];
  if (config === undefined) throw new Unproven('what else than a redirect it sets is not known here');
  setRedirect(snapshot, arn, Object.fromEntries(config.split(',').map((pair) => pair.split('='))));
}

function first(flags: Flags, name: string): string {
  const value = flags.get(name)?.[0];
  if (value === undefined) throw new Unproven(`it has no --${name}`);
  return value;
}

/**
 * Reads a permission in the short form `IpProtocol=tcp,FromPort=22,ToPort=22,IpRanges=[{CidrIp=0.0.0.0/0}]`, or from
 * single flags.
 */
function permissionOf(flags: Flags): Permission {
  const text = flags.get('ip-permissions')?.[0];
  if (text === undefined) {
    const port = Number(first(flags, 'port'));
    const source = flags.get('source-group')?.[0] ?? first(flags, 'cidr');
    return { traffic: toTraffic(first(flags, 'protocol'), port, port), source };
  }
  const value = (name: string) => new RegExp(`\\b${name}=([^,\\]}]+)`).exec(text)?.[1];
  const source = /\{(?:CidrIp|CidrIpv6|GroupId|PrefixListId)=([^},]+)/.exec(text)?.[1];
  const protocol = value('IpProtocol');
  if (protocol === undefined || source === undefined) throw new Unproven(`'${text}' can't be read`);
  const [from, to] = ['FromPort', 'ToPort'].map((name) => {
    const port = value(name);
    return port === undefined ? undefined : Number(port);
  });
  return { traffic: toTraffic(protocol, from, to), source };
}

function revoke(snapshot: Snapshot, flags: Flags): void {
  const groupId = first(flags, 'group-id');
  const ids = flags.get('security-group-rule-ids');
  const revoked = ids === undefined ? [permissionOf(flags)] : ids.map((id) => ruleOf(snapshot, id));
  for (const permission of revoked) removeRule(snapshot, groupId, permission);
}

function authorize(snapshot: Snapshot, flags: Flags, side: 'ingress' | 'egress'): void {
  addRule(snapshot, first(flags, 'group-id'), permissionOf(flags), side);
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

/** Flags that say where and when to change something, and not what to change. */
const idleFlags = new Set(['region', 'apply-immediately', 'profile']);

/** Applies `modify-…` and `update-…`: each flag sets a property of the resource that the identifier names. */
function setProperties(snapshot: Snapshot, flags: Flags): void {
  const [flag, member] = Object.entries(identifiers).find(([name]) => flags.has(name)) ?? [];
  if (flag === undefined || member === undefined) throw new Unproven('what it changes is not known here');
  const name = first(flags, flag);
  for (const [other, values] of flags) {
    if (other === 'cloudwatch-logs-export-configuration') {
      const [, types] = /^EnableLogTypes=(.+)$/.exec(values[0] ?? '') ?? [];
      if (types === undefined) throw new Unproven(`what ${values[0]} changes is not known here`);
      addLogs(snapshot, [member, name], types.split(','));
    } else if (other !== flag && !idleFlags.has(other))
      setProperty(snapshot, [member, name], other, values[0]);
  }
}
