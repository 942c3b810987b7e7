// Reads network interfaces and their owners, and the interfaces that parts of a template or plan will have.
import type { Instance, NetworkInterface } from '@aws-sdk/client-ec2';
import { type Answers, listAnswers } from '../answers.ts';
import { type AddressRange, parseCidr } from '../network/traffic.ts';
import type { Part, ProxyPart } from '../parts/part.ts';
import type { Parts } from '../parts/read-parts.ts';
import { isUnknownValue } from '../snapshot.ts';
import { attempt, knownText, readItems } from '../unknown.ts';

export interface Interfaces {
  all: AttachedInterface[];
  byOwner: Map<Part | ProxyPart, AttachedInterface[]>;
  /** Why other interfaces may exist, also interfaces of parts. */
  unknownReasons: string[];
  /** Why other instances may exist. */
  instanceUnknownReasons: string[];
}

const instancesCall = 'ec2.DescribeInstances';
const interfacesCall = 'ec2.DescribeNetworkInterfaces';

export function readInterfaces(answers: Answers, parts: Parts): Interfaces {
  const all = new Map<string, AttachedInterface>();
  const asgByInstance = new Map<string, Part>();
  for (const part of parts['auto-scaling-group'].items)
    for (const id of part.instanceIds) asgByInstance.set(id, part);
  const listed = listAnswers(answers, 'ec2', 'DescribeInstances', 'Reservations');
  const instanceUnknownReasons = listed.absent ? [] : [...listed.unknownReasons];
  for (const { Instances } of listed.items) {
    readItems(
      Instances,
      `Instances of ${instancesCall}`,
      (instance) => {
        if (instance.State?.Name === 'terminated') return;
        const id = knownText(instance.InstanceId, `an InstanceId of ${instancesCall}`);
        const groupName = nameOfGroup(instance, id, (reason) => instanceUnknownReasons.push(reason));
        const owner =
          asgByInstance.get(id) ?? parts['auto-scaling-group'].items.find(({ name }) => name === groupName);
        if (owner !== undefined) asgByInstance.set(id, owner);
        addInstance(all, instance, id);
      },
      (reason) => instanceUnknownReasons.push(reason),
    );
  }
  const enis = listAnswers(answers, 'ec2', 'DescribeNetworkInterfaces', 'NetworkInterfaces');
  const unknownReasons = enis.absent ? [] : [...enis.unknownReasons];
  for (const raw of enis.items) {
    attempt(
      () => joinInterface(all, raw, interfacesCall, whyUncertain(raw.Status)),
      (reason) => unknownReasons.push(reason),
      interfacesCall,
    );
  }
  return {
    all: [...all.values()],
    byOwner: giveToOwners(all, parts, asgByInstance),
    unknownReasons,
    instanceUnknownReasons,
  };
}

function giveToOwners(all: Map<string, AttachedInterface>, parts: Parts, asgByInstance: Map<string, Part>) {
  const ownerOf = openOwners(parts, asgByInstance);
  const byOwner = new Map<Part | ProxyPart, AttachedInterface[]>();
  for (const eni of all.values()) {
    const owner = ownerOf(eni);
    if (owner === undefined) continue;
    eni.owner = owner;
    const own = byOwner.get(owner);
    if (own === undefined) byOwner.set(owner, [eni]);
    else own.push(eni);
  }
  return byOwner;
}

/** The name of the Auto Scaling group that an instance has in its tags. */
function nameOfGroup(
  { Tags }: Instance,
  id: string,
  onUnknown: (reason: string) => void,
): string | undefined {
  let name: string | undefined;
  // Unknown tags are those that a template declares, and such tags can't begin with `aws:`.
  const given = isUnknownValue(Tags) ? [] : Tags;
  const tags = Array.isArray(given) ? given.filter((tag) => !isUnknownValue(tag)) : given;
  readItems(
    tags,
    `Tags of ${id} in ${instancesCall}`,
    ({ Key, Value }) => {
      if (Key === 'aws:autoscaling:groupName') name = Value;
    },
    onUnknown,
  );
  return name;
}

function addInstance(all: Map<string, AttachedInterface>, instance: Instance, id: string): void {
  const Attachment = { InstanceId: id };
  const unknownReason = whyUncertain(instance.State?.Name);
  const cards = instance.NetworkInterfaces ?? [];
  for (const card of cards)
    joinInterface(all, { ...card, Attachment } as NetworkInterface, instancesCall, unknownReason);
  if (cards.length > 0) return;
  const own = {
    NetworkInterfaceId: id,
    Groups: instance.SecurityGroups,
    SubnetId: instance.SubnetId,
    PrivateIpAddress: instance.PrivateIpAddress,
    Association: { PublicIp: instance.PublicIpAddress },
    Attachment,
  };
  joinInterface(all, own, instancesCall, unknownReason);
}

/** A template gives no state if the instance depends on an unknown condition. The instance may then not exist. */
function whyUncertain(state: unknown): string | undefined {
  return isUnknownValue(state) ? state.$unknown : undefined;
}

type OwnerOf = (eni: AttachedInterface) => Part | ProxyPart | undefined;

/** Finds the owner of an interface: by its instance, or by the description that the AWS service writes. */
function openOwners(parts: Parts, asgByInstance: Map<string, Part>): OwnerOf {
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
  // Endpoints come first, so that a proxy replaces an endpoint of the same name.
  const byDepth = parts.proxies.items.toSorted((a, b) => Number(!a.endpointOf) - Number(!b.endpointOf));
  const proxies = new Map(byDepth.map((part) => [part.name, part]));
  return (eni) => {
    if (eni.instanceId !== undefined) return asgByInstance.get(eni.instanceId);
    const words = eni.description.split(/[\s,:]+/);
    if (eni.description.startsWith('ELB ')) return balancers.get(eni.description);
    if (/ElastiCache/i.test(eni.description)) return words.map((word) => caches.get(word)).find(Boolean);
    if (/DBProxy/i.test(eni.description)) return words.map((word) => proxies.get(word)).find(Boolean);
    if (/^RDSNetworkInterface/.test(eni.description)) return databaseOf(parts, eni);
    return undefined;
  };
}

/**
 * RDS writes no name on its interfaces. Picks a database with exactly the interface's groups, else one that shares a
 * group.
 */
function databaseOf(parts: Parts, eni: AttachedInterface): Part | undefined {
  const sharing = parts.database.items.filter(({ groups }) =>
    groups.some((group) => eni.groups.includes(group)),
  );
  const exact = sharing.find(
    ({ groups }) =>
      groups.length === eni.groups.length && groups.every((group) => eni.groups.includes(group)),
  );
  return exact ?? sharing[0];
}

export interface AttachedInterface {
  /** `eni-…`, or the instance's id where the interface's id is not known. */
  id: string;
  instanceId?: string;
  description: string;
  groups: string[];
  /** Why the interface may have more groups. */
  groupUnknownReasons: string[];
  addresses: AddressRange[];
  subnetId?: string;
  publicAddress?: string;
  owner?: Part | ProxyPart;
  /** Why the interface may not exist. */
  unknownReason?: string;
}

/**
 * Adds an interface, or merges it with what another call said about it.
 * `unknownReason`: why the interface may not exist. It is dropped as soon as one call is certain.
 * `call` names the answer in a reason.
 */
export function joinInterface(
  all: Map<string, AttachedInterface>,
  raw: NetworkInterface,
  call: string,
  unknownReason: string | undefined,
): void {
  const id = knownText(raw.NetworkInterfaceId, `a NetworkInterfaceId of ${call}`);
  const before = all.get(id);
  const eni: AttachedInterface = before ?? {
    id,
    description: '',
    groups: [],
    groupUnknownReasons: [],
    addresses: [],
  };
  if (before === undefined && unknownReason !== undefined) eni.unknownReason = unknownReason;
  if (unknownReason === undefined) delete eni.unknownReason;
  all.set(id, eni);
  readItems(
    raw.Groups,
    `groups of ${id} in ${call}`,
    ({ GroupId }) => {
      const group = knownText(GroupId, `a group of ${id} in ${call}`);
      if (!eni.groups.includes(group)) eni.groups.push(group);
    },
    (reason) => eni.groupUnknownReasons.push(reason),
  );
  eni.description ||= textOf(raw.Description) ?? '';
  setOnce(eni, 'instanceId', textOf(raw.Attachment?.InstanceId));
  setOnce(eni, 'publicAddress', textOf(raw.Association?.PublicIp));
  setOnce(eni, 'subnetId', textOf(raw.SubnetId));
  if (eni.addresses.length > 0) return;
  const texts = [
    raw.PrivateIpAddress,
    ...(raw.PrivateIpAddresses ?? []).map(({ PrivateIpAddress }) => PrivateIpAddress),
    ...(raw.Ipv6Addresses ?? []).map(({ Ipv6Address }) => Ipv6Address),
  ];
  for (const text of new Set(texts)) {
    const range = typeof text === 'string' ? parseCidr(text) : undefined;
    if (range !== undefined) eni.addresses.push(range);
  }
}

function setOnce(
  eni: AttachedInterface,
  name: 'instanceId' | 'publicAddress' | 'subnetId',
  value: string | undefined,
): void {
  if (value !== undefined) eni[name] ??= value;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
