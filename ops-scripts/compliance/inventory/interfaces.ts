// Network interfaces (and instances' own word of them), each with the part that it belongs to where one can be told.
import type { Instance, NetworkInterface } from '@aws-sdk/client-ec2';
import { type Answers, listAnswers } from '../answers.ts';
import { attempt, knownText, readItems } from '../doubt.ts';
import type { Part, ProxyPart } from '../parts/part.ts';
import type { Parts } from '../parts/read-parts.ts';
import { isUnknownValue } from '../snapshot.ts';
import { openOwners } from './interface-owners.ts';
import { joinInterface, type WornInterface } from './worn-interface.ts';

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
      () => joinInterface(all, raw, interfacesCall, doubtOf(raw.Status)),
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
  for (const card of cards)
    joinInterface(all, { ...card, Attachment } as NetworkInterface, instancesCall, doubt);
  if (cards.length > 0) return;
  const own = {
    NetworkInterfaceId: id,
    Groups: instance.SecurityGroups,
    SubnetId: instance.SubnetId,
    PrivateIpAddress: instance.PrivateIpAddress,
    Association: { PublicIp: instance.PublicIpAddress },
    Attachment,
  };
  joinInterface(all, own, instancesCall, doubt);
}

/** A template whose condition can't be known gives no state: then it may well not exist. */
function doubtOf(state: unknown): string | undefined {
  return isUnknownValue(state) ? state.$unknown : undefined;
}
