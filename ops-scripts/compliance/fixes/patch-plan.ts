// Tries the fix of a plan on the snapshot that the plan gives, and writes the fix as HCL.
import { type Traffic, toTraffic } from '../network/traffic.ts';
import type { PlanInstance } from '../plan/parse-plan.ts';
import type { Snapshot } from '../snapshot.ts';
import {
  addLogs,
  addRule,
  assign,
  type Item,
  itemsWith,
  removeRule,
  setBalancerAttributes,
  setProperty,
  setRedirect,
  Unproven,
  wholesOf,
} from './change-snapshot.ts';

interface Planned {
  /** Both members are changed in place. */
  snapshot: Snapshot;
  instances: PlanInstance[];
}

type Line = string | Line[];
type Words = (string | undefined)[];
type Wish = [pattern: RegExp, grant: (planned: Planned, words: Words) => string];

/** Applies the fix `In the Terraform configuration: …`. Throws an Unproven where the fix leaves a choice. */
export function patchPlan(planned: Planned, fix: string): string {
  const wish = fix.replace(/^In the Terraform configuration: /, '');
  for (const [pattern, grant] of wishes) {
    const words = pattern.exec(wish);
    if (words !== null) return grant(planned, words.slice(1));
  }
  throw new Unproven(`it leaves a choice: ${wish}`);
}

const wishes: Wish[] = [
  [/^set http_tokens in metadata_options of launch template (\S+) to required$/, requireTokens],
  [/^set enable_deletion_protection of (\S+) to true$/, protectBalancer],
  [/^set enabled in access_logs of (\S+) to true$/, logRequests],
  [/^set ssl_policy of (\S+) to (\S+)$/, setPolicy],
  [/^let default_action of (\S+) redirect to HTTPS on port 443$/, redirectToHttps],
  [/^add (\w+) to enabled_cloudwatch_logs_exports of (\S+)$/, exportLog],
  [/^remove the rule (\S+) \((.+) from (\S+)\) of (\S+?)(?:, and open tcp (\d+) alone)?$/, closeRule],
  [/^add an (ingress|egress) rule to (\S+) for tcp (\d+) (?:from|to) (\S+)$/, openPort],
  [
    /^set (\w+) and (\w+) of (\S+) to (\S+)$/,
    (planned, [a, b, id, value]) => set(planned, id!, { [a!]: value!, [b!]: value! }),
  ],
  [
    /^set (\w+) of (\S+) to (\w+), and (\w+) to (\w+)$/,
    (planned, [a, id, value, b, other]) => set(planned, id!, { [a!]: value!, [b!]: other! }),
  ],
  [
    /^set (\w+) of (\S+) to (\w+)(?: or more)?(?: \(.*\))?$/,
    (planned, [name, id, value]) => set(planned, id!, { [name!]: value! }),
  ],
];

/**
 * For each argument: the members of the answers that identify its resource, and the argument that holds the same id.
 */
const owners: Record<string, [member: string, address: string][]> = {
  min_size: [
    ['AutoScalingGroupName', 'AutoScalingGroupARN'],
    ['ScheduledActionName', 'ScheduledActionName'],
  ],
  ...Object.fromEntries(
    ['multi_az_enabled', 'automatic_failover_enabled', 'at_rest_encryption_enabled']
      .concat('transit_encryption_enabled', 'transit_encryption_mode')
      .map((name) => [name, [['ReplicationGroupId', 'ARN']]]),
  ),
};
const databases: [string, string][] = [
  ['DBInstanceIdentifier', 'DBInstanceArn'],
  ['DBClusterIdentifier', 'DBClusterArn'],
];

function set(planned: Planned, id: string, values: Record<string, string>): string {
  let address = '';
  for (const [name, value] of Object.entries(values)) {
    const [owner, whole] = ownerOf(planned, owners[name] ?? databases, id);
    if (owner[0] === 'ScheduledActionName') for (const item of whole) item['MinSize'] = Number(value);
    else setProperty(planned.snapshot, [owner[0], id], name, value);
    address = String(whole[0]![owner[1]] ?? id);
  }
  const lines = Object.entries(values).map(([name, value]) => [name, literalOf(value)] as const);
  return resourceOf(planned, address, argumentsOf(lines));
}

function ownerOf({ snapshot }: Planned, candidates: [string, string][], id: string) {
  for (const owner of candidates) {
    const found = itemsWith(snapshot, owner[0], id).filter(
      (item) => owner[0] === 'ScheduledActionName' || item[owner[1]] !== undefined,
    );
    if (found.length > 0) return [owner, found] as const;
  }
  throw new Unproven(`${id} is not in the plan by that name`);
}

function requireTokens(planned: Planned, [id = '']: Words): string {
  const versions = itemsWith(planned.snapshot, 'LaunchTemplateId', id).flatMap((item) =>
    item['LaunchTemplateData'] === undefined ? [] : [item['LaunchTemplateData'] as Item],
  );
  if (versions.length === 0) throw new Unproven(`${id} is not in the plan by that name`);
  for (const data of versions)
    data['MetadataOptions'] = { ...(data['MetadataOptions'] as Item | undefined), HttpTokens: 'required' };
  return resourceOf(planned, id, ['metadata_options {', ['http_tokens = "required"'], '}']);
}

function balancerOf({ snapshot }: Planned, name: string): string {
  const [found] = itemsWith(snapshot, 'LoadBalancerName', name);
  if (typeof found?.['LoadBalancerArn'] !== 'string')
    throw new Unproven(`${name} is not in the plan by that name`);
  return found['LoadBalancerArn'];
}

function protectBalancer(planned: Planned, [name = '']: Words): string {
  const arn = balancerOf(planned, name);
  setBalancerAttributes(planned.snapshot, arn, [{ Key: 'deletion_protection.enabled', Value: 'true' }]);
  return resourceOf(planned, arn, ['enable_deletion_protection = true']);
}

function logRequests(planned: Planned, [name = '']: Words): string {
  const arn = balancerOf(planned, name);
  const logs = known(planned, arn).after['access_logs'];
  const [block] = Array.isArray(logs) ? (logs as Item[]) : [];
  if (typeof block?.['bucket'] !== 'string')
    throw new Unproven('it leaves a choice: the bucket of access_logs');
  setBalancerAttributes(planned.snapshot, arn, [{ Key: 'access_logs.s3.enabled', Value: 'true' }]);
  const lines = argumentsOf([
    ['bucket', JSON.stringify(block['bucket'])],
    ['enabled', 'true'],
  ]);
  return resourceOf(planned, arn, ['access_logs {', lines, '}']);
}

function setPolicy(planned: Planned, [id = '', policy = '']: Words): string {
  assign(planned.snapshot, ['ListenerArn', id, 'Protocol'], { SslPolicy: policy });
  return resourceOf(planned, id, [`ssl_policy = ${JSON.stringify(policy)}`]);
}

function redirectToHttps(planned: Planned, [id = '']: Words): string {
  setRedirect(planned.snapshot, id, { Protocol: 'HTTPS', Port: '443', StatusCode: 'HTTP_301' });
  const redirect = argumentsOf([
    ['protocol', '"HTTPS"'],
    ['port', '"443"'],
    ['status_code', '"HTTP_301"'],
  ]);
  return resourceOf(planned, id, [
    'default_action {',
    ['type = "redirect"', 'redirect {', redirect, '}'],
    '}',
  ]);
}

function exportLog(planned: Planned, [log = '', id = '']: Words): string {
  const [[member, address], [whole]] = ownerOf(planned, databases, id);
  const before = wholesOf(planned.snapshot, [member, id])[0]!['EnabledCloudwatchLogsExports'];
  const all = [...(Array.isArray(before) ? (before as string[]) : []), log];
  addLogs(planned.snapshot, [member, id], [log]);
  return resourceOf(planned, String(whole![address] ?? id), [
    `enabled_cloudwatch_logs_exports = ${JSON.stringify(all)}`,
  ]);
}

/** Removes a rule, or narrows it to one port. */
function closeRule(planned: Planned, [rule = '', text = '', source = '', group = '', port]: Words): string {
  const traffic = readTraffic(text);
  removeRule(planned.snapshot, group, { traffic, source });
  const kept = port === undefined ? undefined : toTraffic('tcp', Number(port), Number(port));
  if (kept !== undefined) addRule(planned.snapshot, group, { traffic: kept, source }, 'ingress');
  const [address = ''] = rule.split('#');
  if (address === group) {
    const block = (each: Traffic) => ['ingress {', blockOf(each, source, group), '}'];
    return kept === undefined
      ? `# of ${group}: take out\n${written(block(traffic))}`
      : `# of ${group}: instead of\n${written(block(traffic), '# ')}\n# write\n${written(block(kept))}`;
  }
  const { type } = known(planned, address);
  if (kept !== undefined) {
    const name = type === 'aws_security_group_rule' ? 'protocol' : 'ip_protocol';
    return resourceOf(planned, address, argumentsOf([[name, '"tcp"'], ...portsOf(kept)]));
  }
  const left = otherSources(planned, address, source);
  if (left !== undefined) return resourceOf(planned, address, [left]);
  return `# take this out\n${resourceOf(planned, address, blockOf(traffic, source, group, type))}`;
}

/**
 * Returns the argument without the source if the rule has other sources too. Throws an Unproven where they are not
 * known.
 */
function otherSources(planned: Planned, address: string, source: string): string | undefined {
  const { after, unknown } = known(planned, address);
  const lists = ['cidr_blocks', 'ipv6_cidr_blocks', 'prefix_list_ids'];
  const count = lists.reduce((sum, name) => sum + ((after[name] as unknown[] | undefined)?.length ?? 0), 0);
  const others = after['self'] === true || typeof after['source_security_group_id'] === 'string';
  const open = lists.some((name) => (unknown as Item | undefined)?.[name] === true);
  if (open) throw new Unproven(`the sources of ${address} are known only after the apply`);
  if (count + Number(others) < 2) return undefined;
  const name = lists.find((each) => (after[each] as unknown[] | undefined)?.includes(source));
  if (name === undefined) throw new Unproven(`${address} has other sources beside ${source}`);
  // The next step of the same fix must see this change.
  after[name] = (after[name] as unknown[]).filter((each) => each !== source);
  return `${name} = ${JSON.stringify(after[name])}`;
}

/**
 * Opens a port by a rule resource, or by a block if the group declares its rules inline: Terraform removes all other
 * rules then.
 */
function openPort(planned: Planned, [side = '', group = '', port = '', peer = '']: Words): string {
  const traffic = toTraffic('tcp', Number(port), Number(port));
  addRule(planned.snapshot, group, { traffic, source: peer }, side === 'egress' ? 'egress' : 'ingress');
  const owner = known(planned, group);
  const isGroup = !/\/\d+$/.test(peer);
  if (isGroup && known(planned, peer).module !== owner.module)
    throw new Unproven(`it leaves a choice: ${group} and ${peer} stand in different modules`);
  const blocks = owner.after[side];
  if (Array.isArray(blocks) && blocks.length > 0)
    return `# of ${group}: add\n${written([`${side} {`, blockOf(traffic, peer, group), '}'])}`;
  const local = (address: string) => address.slice(owner.module === '' ? 0 : owner.module.length + 1);
  const nameOf = (address: string) => (isGroup || address === group ? known(planned, address).name : 'all');
  const reference = isGroup ? 'referenced_security_group_id' : peer.includes(':') ? 'cidr_ipv6' : 'cidr_ipv4';
  const lines = argumentsOf([
    ['security_group_id', `${local(group)}.id`],
    [reference, isGroup ? `${local(peer)}.id` : JSON.stringify(peer)],
    ['ip_protocol', '"tcp"'],
    ...portsOf(traffic),
  ]);
  const name = `${nameOf(group)}_${side === 'egress' ? 'to' : 'from'}_${nameOf(peer)}_${port}`;
  const place = owner.module === '' ? '' : `# in ${owner.module}\n`;
  return `${place}${written([`resource "aws_vpc_security_group_${side}_rule" "${name}" {`, lines, '}'])}`;
}

function readTraffic(text: string): Traffic {
  if (text === 'all traffic') return toTraffic('-1');
  const [, protocol = '', from, to = from] = /^(?:all )?([\w-]+?)(?: (\d+)(?:-(\d+))?)?$/.exec(text) ?? [];
  return from === undefined ? toTraffic(protocol) : toTraffic(protocol, Number(from), Number(to));
}

/** The arguments of a rule, with the names of a block within its group or of its own resource type. */
function blockOf(traffic: Traffic, source: string, group: string, type = 'aws_security_group'): Line[] {
  const isSingle = type.startsWith('aws_vpc_');
  const isCidr = /\/\d+$/.test(source);
  const names = isCidr
    ? source.includes(':')
      ? ['ipv6_cidr_blocks', 'cidr_ipv6']
      : ['cidr_blocks', 'cidr_ipv4']
    : source.includes('prefix_list') || source.startsWith('pl-')
      ? ['prefix_list_ids', 'prefix_list_id']
      : [
          type === 'aws_security_group_rule' ? 'source_security_group_id' : 'security_groups',
          'referenced_security_group_id',
        ];
  const value = isCidr || /^(sg|pl)-/.test(source) ? JSON.stringify(source) : `${source}.id`;
  const isOne = isSingle || names[0] === 'source_security_group_id';
  const peer: [string, string] =
    source === group && !isSingle
      ? ['self', 'true']
      : [names[isSingle ? 1 : 0]!, isOne ? value : `[${value}]`];
  const protocol = traffic.protocol === 'all' ? '-1' : traffic.protocol;
  return argumentsOf([
    [isSingle ? 'ip_protocol' : 'protocol', JSON.stringify(protocol)],
    ...(isSingle && protocol === '-1' ? [] : portsOf(traffic)),
    peer,
  ]);
}

function portsOf({ protocol, fromPort, toPort }: Traffic): [string, string][] {
  const [from, to] = protocol === 'tcp' || protocol === 'udp' ? [fromPort, toPort] : [0, 0];
  return [
    ['from_port', String(from)],
    ['to_port', String(to)],
  ];
}

function known({ instances }: Planned, address: string): PlanInstance {
  const found = instances.find(({ id }) => id === address);
  if (found === undefined) throw new Unproven(`${address} is not in the plan by that name`);
  return found;
}

/**
 * Writes a resource block with these lines. If the block alone does not identify the resource, its address stands
 * before it.
 */
function resourceOf(planned: Planned, address: string, lines: Line[]): string {
  const { type, name } = known(planned, address);
  const place = address === `${type}.${name}` ? '' : `# ${address}\n`;
  return `${place}${written([`resource "${type}" "${name}" {`, lines, '}'])}`;
}

/** Writes one argument a line, with the values aligned. */
function argumentsOf(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)} = ${value}`);
}

function literalOf(value: string): string {
  return /^(true|false|\d+)$/.test(value) ? value : JSON.stringify(value);
}

function written(lines: Line[], indent = ''): string {
  return lines
    .map((line) => (typeof line === 'string' ? `${indent}${line}` : written(line, `${indent}  `)))
    .join('\n');
}
