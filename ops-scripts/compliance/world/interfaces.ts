// Network interfaces (and instances' own word of them), each with the part that it belongs to where one can be told.
import type { NetworkInterface } from '@aws-sdk/client-ec2';
import { type Answers, listAnswers } from '../answers.ts';
import { type AddressRange, parseCidr } from '../network/address.ts';
import type { Part, ProxyPart } from '../parts/part.ts';
import type { Parts } from '../parts/read-parts.ts';

export interface WornInterface {
  /** `eni-…`, or the instance's id where only that is known. */
  id: string;
  instanceId?: string;
  description: string;
  groups: string[];
  addresses: AddressRange[];
  publicAddress?: string;
  owner?: Part | ProxyPart;
}

export interface Interfaces {
  all: WornInterface[];
  byOwner: Map<Part | ProxyPart, WornInterface[]>;
}

export function readInterfaces(answers: Answers, parts: Parts): Interfaces {
  const asgByInstance = new Map<string, Part>();
  for (const part of parts['auto-scaling-group'].items)
    for (const id of part.instanceIds) asgByInstance.set(id, part);
  const all = new Map<string, WornInterface>();
  const instances = listAnswers(answers, 'ec2', 'DescribeInstances', 'Reservations').items;
  for (const instance of instances.flatMap((reservation) => reservation.Instances ?? [])) {
    if (instance.InstanceId === undefined || instance.State?.Name === 'terminated') continue;
    const tag = (instance.Tags ?? []).find(({ Key }) => Key === 'aws:autoscaling:groupName')?.Value;
    const owner =
      asgByInstance.get(instance.InstanceId) ??
      parts['auto-scaling-group'].items.find(({ name }) => name === tag);
    if (owner !== undefined) asgByInstance.set(instance.InstanceId, owner);
    const cards = instance.NetworkInterfaces ?? [];
    for (const card of cards)
      add(all, { ...card, Attachment: { InstanceId: instance.InstanceId } } as NetworkInterface);
    if (cards.length === 0) {
      add(all, {
        NetworkInterfaceId: instance.InstanceId,
        Groups: instance.SecurityGroups,
        PrivateIpAddress: instance.PrivateIpAddress,
        Association: { PublicIp: instance.PublicIpAddress },
        Attachment: { InstanceId: instance.InstanceId },
      });
    }
  }
  for (const raw of listAnswers(answers, 'ec2', 'DescribeNetworkInterfaces', 'NetworkInterfaces').items)
    add(all, raw);
  const ownerOf = openOwners(parts, asgByInstance);
  const byOwner = new Map<Part | ProxyPart, WornInterface[]>();
  for (const face of all.values()) {
    const owner = ownerOf(face);
    if (owner === undefined) continue;
    face.owner = owner;
    const own = byOwner.get(owner);
    if (own === undefined) byOwner.set(owner, [face]);
    else own.push(face);
  }
  return { all: [...all.values()], byOwner };
}

function add(all: Map<string, WornInterface>, raw: NetworkInterface): void {
  const id = raw.NetworkInterfaceId;
  if (typeof id !== 'string') return;
  const face: WornInterface = all.get(id) ?? { id, description: '', groups: [], addresses: [] };
  all.set(id, face);
  face.description ||= typeof raw.Description === 'string' ? raw.Description : '';
  const instanceId = raw.Attachment?.InstanceId;
  if (instanceId) face.instanceId ??= instanceId;
  const publicAddress = raw.Association?.PublicIp;
  if (publicAddress) face.publicAddress ??= publicAddress;
  for (const group of raw.Groups ?? []) {
    if (typeof group.GroupId === 'string' && !face.groups.includes(group.GroupId))
      face.groups.push(group.GroupId);
  }
  if (face.addresses.length > 0) return;
  const texts = [
    raw.PrivateIpAddress,
    ...(raw.PrivateIpAddresses ?? []).map(({ PrivateIpAddress }) => PrivateIpAddress),
    ...(raw.Ipv6Addresses ?? []).map(({ Ipv6Address }) => Ipv6Address),
  ];
  for (const text of new Set(texts)) {
    const range = typeof text === 'string' ? parseCidr(text) : undefined;
    if (range !== undefined) face.addresses.push(range);
  }
}

/** Who an interface belongs to, by its attachment or by the description that the AWS service writes. */
function openOwners(parts: Parts, asgByInstance: Map<string, Part>) {
  const balancers = new Map(
    parts['load-balancer'].items.map((part) => [
      `ELB ${part.id.split('loadbalancer/')[1] ?? part.name}`,
      part,
    ]),
  );
  const caches = new Map<string, Part>();
  for (const part of parts.cache.items) {
    caches.set(part.name, part);
    if (part.flavor === 'replication-group') {
      for (const { CacheClusterId } of part.clusters) if (CacheClusterId) caches.set(CacheClusterId, part);
    }
  }
  const proxies = new Map(parts.proxies.map((part) => [part.name, part]));
  return (face: WornInterface): Part | ProxyPart | undefined => {
    if (face.instanceId !== undefined) return asgByInstance.get(face.instanceId);
    const words = face.description.split(/[\s,:]+/);
    if (face.description.startsWith('ELB ')) return balancers.get(face.description);
    if (/ElastiCache/i.test(face.description)) return words.map((word) => caches.get(word)).find(Boolean);
    if (/DBProxy/i.test(face.description)) return words.map((word) => proxies.get(word)).find(Boolean);
    if (/^RDSNetworkInterface/.test(face.description)) return databaseOf(parts, face);
    return undefined;
  };
}

/** RDS writes no name on its interfaces: the database whose declared groups fit best, those that fit exactly first. */
function databaseOf(parts: Parts, face: WornInterface): Part | undefined {
  const sharing = parts.database.items.filter(({ groups }) =>
    groups.some((group) => face.groups.includes(group)),
  );
  const exact = sharing.find(
    ({ groups }) =>
      groups.length === face.groups.length && groups.every((group) => face.groups.includes(group)),
  );
  return exact ?? sharing[0];
}
