// Network interfaces (and instances' own word of them), each with the part that it belongs to where one can be told.
import type { Instance, NetworkInterface } from '@aws-sdk/client-ec2';
import { type Answers, listAnswers } from '../answers.ts';
import { attempt, knownText, readItems } from '../doubt.ts';
import { type AddressRange, parseCidr } from '../network/address.ts';
import type { Part, ProxyPart } from '../parts/part.ts';
import type { Parts } from '../parts/read-parts.ts';
import { isUnknownValue } from '../snapshot.ts';
import { openOwners } from './interface-owners.ts';

export interface WornInterface {
  /** `eni-…`, or the instance's id where only that is known. */
  id: string;
  instanceId?: string;
  description: string;
  groups: string[];
  /** Why it may wear more groups than these. */
  groupDoubts: string[];
  addresses: AddressRange[];
  subnetId?: string;
  publicAddress?: string;
  owner?: Part | ProxyPart;
  /** Why there may be no such interface. */
  doubt?: string;
}

export interface Interfaces {
  all: WornInterface[];
  byOwner: Map<Part | ProxyPart, WornInterface[]>;
  /** Why there may be other interfaces, of parts too. */
  doubts: string[];
  /** Why there may be other instances. */
  instanceDoubts: string[];
}

const instancesCall = 'ec2.DescribeInstances';
const interfacesCall = 'ec2.DescribeNetworkInterfaces';

export function readInterfaces(answers: Answers, parts: Parts): Interfaces {
  const all = new Map<string, WornInterface>();
  const asgByInstance = new Map<string, Part>();
  for (const part of parts['auto-scaling-group'].items)
    for (const id of part.instanceIds) asgByInstance.set(id, part);
  const listed = listAnswers(answers, 'ec2', 'DescribeInstances', 'Reservations');
  const instanceDoubts = listed.absent ? [] : [...listed.doubts];
  for (const { Instances } of listed.items) {
    readItems(
      Instances,
      `Instances of ${instancesCall}`,
      (instance) => {
        if (instance.State?.Name === 'terminated') return;
        const id = knownText(instance.InstanceId, `an InstanceId of ${instancesCall}`);
        const groupName = nameOfGroup(instance, id, (reason) => instanceDoubts.push(reason));
        const owner =
          asgByInstance.get(id) ?? parts['auto-scaling-group'].items.find(({ name }) => name === groupName);
        if (owner !== undefined) asgByInstance.set(id, owner);
        addInstance(all, instance, id);
      },
      (reason) => instanceDoubts.push(reason),
    );
  }
  const faces = listAnswers(answers, 'ec2', 'DescribeNetworkInterfaces', 'NetworkInterfaces');
  const doubts = faces.absent ? [] : [...faces.doubts];
  for (const raw of faces.items) {
    attempt(
      () => add(all, raw, interfacesCall, doubtOf(raw.Status)),
      (reason) => doubts.push(reason),
      interfacesCall,
    );
  }
  return { all: [...all.values()], byOwner: giveToOwners(all, parts, asgByInstance), doubts, instanceDoubts };
}

function giveToOwners(all: Map<string, WornInterface>, parts: Parts, asgByInstance: Map<string, Part>) {
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
  return byOwner;
}

/** The Auto Scaling group that an instance says it is of. */
function nameOfGroup({ Tags }: Instance, id: string, onDoubt: (reason: string) => void): string | undefined {
  let name: string | undefined;
  // Unknown tags are a template's own, and those can't begin with `aws:`.
  const given = isUnknownValue(Tags) ? [] : Tags;
  const tags = Array.isArray(given) ? given.filter((tag) => !isUnknownValue(tag)) : given;
  readItems(
    tags,
    `Tags of ${id} in ${instancesCall}`,
    ({ Key, Value }) => {
      if (Key === 'aws:autoscaling:groupName') name = Value;
    },
    onDoubt,
  );
  return name;
}

function addInstance(all: Map<string, WornInterface>, instance: Instance, id: string): void {
  const Attachment = { InstanceId: id };
  const doubt = doubtOf(instance.State?.Name);
  const cards = instance.NetworkInterfaces ?? [];
  for (const card of cards) add(all, { ...card, Attachment } as NetworkInterface, instancesCall, doubt);
  if (cards.length > 0) return;
  const own = {
    NetworkInterfaceId: id,
    Groups: instance.SecurityGroups,
    SubnetId: instance.SubnetId,
    PrivateIpAddress: instance.PrivateIpAddress,
    Association: { PublicIp: instance.PublicIpAddress },
    Attachment,
  };
  add(all, own, instancesCall, doubt);
}

/** A template whose condition can't be known gives no state: then it may well not exist. */
function doubtOf(state: unknown): string | undefined {
  return isUnknownValue(state) ? state.$unknown : undefined;
}

function add(
  all: Map<string, WornInterface>,
  raw: NetworkInterface,
  call: string,
  doubt: string | undefined,
): void {
  const id = knownText(raw.NetworkInterfaceId, `a NetworkInterfaceId of ${call}`);
  const before = all.get(id);
  const face: WornInterface = before ?? { id, description: '', groups: [], groupDoubts: [], addresses: [] };
  if (before === undefined && doubt !== undefined) face.doubt = doubt;
  if (doubt === undefined) delete face.doubt;
  all.set(id, face);
  readItems(
    raw.Groups,
    `groups of ${id} in ${call}`,
    ({ GroupId }) => {
      const group = knownText(GroupId, `a group of ${id} in ${call}`);
      if (!face.groups.includes(group)) face.groups.push(group);
    },
    (reason) => face.groupDoubts.push(reason),
  );
  face.description ||= textOf(raw.Description) ?? '';
  setOnce(face, 'instanceId', textOf(raw.Attachment?.InstanceId));
  setOnce(face, 'publicAddress', textOf(raw.Association?.PublicIp));
  setOnce(face, 'subnetId', textOf(raw.SubnetId));
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

function setOnce(
  face: WornInterface,
  name: 'instanceId' | 'publicAddress' | 'subnetId',
  value: string | undefined,
): void {
  if (value !== undefined) face[name] ??= value;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
