// The inventory: everything that a snapshot says exists, and which interfaces and parts have which security group.
import { type Answers, listAnswers, openAnswers } from '../answers.ts';
import { type Cidr, readCidr } from '../network/traffic.ts';
import { describePart, type Part, type ProxyPart } from '../parts/part.ts';
import { noParts, type Parts, readParts } from '../parts/read-parts.ts';
import { isDeclared, type Mode, type Snapshot } from '../snapshot.ts';
import { attempt, known, UnknownError } from '../unknown.ts';
import { type AttachedInterface, type Interfaces, readInterfaces } from './interfaces.ts';
import { readSecurityGroups, type SecurityGroups } from './security-groups.ts';

export interface Inventory {
  mode: Mode;
  account: string;
  region: string;
  answers: Answers;
  parts: Parts;
  groups: SecurityGroups;
  interfaces: Interfaces;
  prefixLists: PrefixLists;
  attachments: Attachments;
  zones: Zones;
  /** Why something of the account could not be read at all. No control passes while there is such a fault. */
  faults: string[];
}

export function readInventory(snapshot: Snapshot, mode: Mode): Inventory {
  const answers = openAnswers(snapshot);
  const faults: string[] = [];
  const read = <T>(what: string, reading: () => T, nothing: T): T =>
    attempt(reading, (reason) => faults.push(reason), what) ?? nothing;
  const parts = read('an answer about a part', () => readParts(answers), noParts());
  const interfaces = read(
    'an answer to ec2.DescribeInstances or ec2.DescribeNetworkInterfaces',
    () => readInterfaces(answers, parts),
    { all: [], byOwner: new Map(), unknownReasons: [], instanceUnknownReasons: [] },
  );
  const groups = read<SecurityGroups>(
    'an answer to ec2.DescribeSecurityGroups or ec2.DescribeSecurityGroupRules',
    () => readSecurityGroups(answers),
    { byId: new Map(), unknownReasons: [] },
  );
  return {
    mode,
    account: snapshot.account,
    region: snapshot.region,
    answers,
    parts,
    groups,
    interfaces,
    prefixLists: openPrefixLists(answers),
    attachments: readAttachments(parts, interfaces, mode, groups),
    zones: readZones(answers),
    faults,
  };
}

/** Zones of subnets and zone names. Local Zones, Wavelength Zones and Outposts do not count as Availability Zones. */
interface Zones {
  /** The zones of these subnets. Throws an UnknownError where one is not known. */
  ofSubnets(subnetIds: string[]): string[];
  /** The Availability Zones among these names, without repeats. */
  count(names: string[]): string[];
}

function readZones(answers: Answers): Zones {
  const listed = listAnswers(answers, 'ec2', 'DescribeAvailabilityZones', 'AvailabilityZones');
  const types = new Map(listed.items.map((zone) => [zone.ZoneName, zone.ZoneType]));
  const isAvailabilityZone = (name: string): boolean => {
    const type = types.get(name);
    if (type !== undefined) return type === 'availability-zone';
    if (/^[a-z]{2,}(-[a-z]+)+-\d+[a-z]$/.test(name)) return true;
    // Zone ids: `use1-az1` is an Availability Zone, `usw2-lax1-az1` a Local Zone.
    if (/^[a-z]{2,5}\d+-az\d+$/.test(name)) return true;
    if (/^[a-z]{2,5}\d+-[a-z]+\d+-az\d+$/.test(name)) return false;
    if (/-wlz-\d+[a-z]?$|-\d+-[a-z]+-\d+[a-z]$/.test(name)) return false;
    throw new UnknownError(`the kind of zone ${name} is not known`);
  };
  return {
    ofSubnets: (ids) => ids.map((id) => zoneOfSubnet(answers, id)),
    count: (names) =>
      [...new Set(names.map((name) => known(name, 'a zone')).filter(isAvailabilityZone))].sort(),
  };
}

function zoneOfSubnet(answers: Answers, id: string): string {
  const listed = listAnswers(answers, 'ec2', 'DescribeSubnets', 'Subnets');
  const subnet = listed.items.find(({ SubnetId }) => SubnetId === id);
  if (subnet === undefined)
    throw new UnknownError(listed.unknownReasons[0] ?? `subnet ${id} is not in any answer`);
  if (subnet.OutpostArn) throw new UnknownError(`subnet ${id} is on an Outpost`);
  return known(subnet.AvailabilityZone, `the zone of subnet ${id}`);
}

/** The CIDRs of prefix lists. Throws an UnknownError for an unreadable list, because an empty set would pass. */
interface PrefixLists {
  entriesOf(id: string): readonly Cidr[];
}

function openPrefixLists(answers: Answers): PrefixLists {
  const read = new Map<string, Cidr[]>();
  return {
    entriesOf(id) {
      const before = read.get(id);
      if (before !== undefined) return before;
      const listed = listAnswers(answers, 'ec2', 'GetManagedPrefixListEntries', 'Entries', id);
      if (listed.unknownReasons.length > 0)
        throw new UnknownError(`prefix list ${id} cannot be read: ${listed.unknownReasons[0]}`);
      const cidrs = listed.items.map((entry) => readCidr(known(entry.Cidr, `an entry of prefix list ${id}`)));
      read.set(id, cidrs);
      return cidrs;
    },
  };
}

export interface Attachment {
  /** `instance i-1 (eni-1)`, `load balancer web` … */
  name: string;
  /** The part to which it belongs; undefined for anything else in the account. */
  owner?: Part | ProxyPart;
  /** One interface that has the group, if its interfaces are known. */
  eni?: AttachedInterface;
  /** Why this attachment may not exist. */
  unknownReason?: string;
}

export interface Attachments {
  of(groupId: string): readonly Attachment[];
  /** Why something that could open connections may have more groups than are known. */
  unknownReasons: string[];
}

/**
 * Finds the parts and interfaces that have each security group. `groups` are those of the account, or those that a
 * template or plan declares.
 */
export function readAttachments(
  parts: Parts,
  interfaces: Interfaces,
  mode: Mode,
  groups: SecurityGroups,
): Attachments {
  const byGroup = new Map<string, Map<unknown, Attachment>>();
  const attach = (groupId: string, key: unknown, attachment: Attachment) => {
    const attachments = byGroup.get(groupId) ?? new Map<unknown, Attachment>();
    byGroup.set(groupId, attachments);
    const before = attachments.get(key);
    if (before === undefined) {
      attachments.set(key, attachment);
      return;
    }
    if (attachment.eni !== undefined) before.eni ??= attachment.eni;
    if (attachment.unknownReason === undefined) delete before.unknownReason;
  };
  const clients = [
    ...parts['load-balancer'].items,
    ...parts['auto-scaling-group'].items,
    ...parts.proxies.items,
  ];
  for (const part of [...clients, ...parts.cache.items, ...parts.database.items]) {
    for (const group of part.groups) attach(group, part, { name: describePart(part), owner: part });
  }
  for (const eni of interfaces.all) {
    const attachment: Attachment = {
      name: describeInterface(eni),
      eni,
      ...(eni.owner ? { owner: eni.owner } : {}),
      ...(eni.unknownReason === undefined ? {} : { unknownReason: eni.unknownReason }),
    };
    for (const group of eni.groups) attach(group, eni.owner ?? eni, attachment);
  }
  const lists = new Map([...byGroup].map(([id, attachments]) => [id, [...attachments.values()]]));
  const isOther = defaultGroupIsAnother(mode, groups);
  return {
    of: (groupId) => lists.get(groupId) ?? [],
    unknownReasons: [
      ...clients
        .flatMap(({ groupUnknownReasons }) => groupUnknownReasons)
        .filter((reason) => !isOther(reason)),
      ...interfaces.all.flatMap(({ groupUnknownReasons }) => groupUnknownReasons),
      ...interfaces.unknownReasons,
      ...interfaces.instanceUnknownReasons,
      ...(isDeclared(mode) ? unreadParts(parts) : parts.proxies.absent ? [] : parts.proxies.unknownReasons),
    ],
  };
}

/**
 * Unknown reasons of parts that a template or plan declares. They have no interfaces, so nothing else can show their
 * groups.
 */
function unreadParts(parts: Parts): string[] {
  const stores: Part[] = [...parts.cache.items, ...parts.database.items];
  return [
    ...[parts['load-balancer'], parts['auto-scaling-group'], parts.proxies].flatMap(
      ({ unknownReasons }) => unknownReasons,
    ),
    ...stores
      .flatMap(({ groupUnknownReasons }) => groupUnknownReasons)
      .filter((reason) => !reason.includes(ofDefaultGroup)),
  ];
}

const ofDefaultGroup = 'the default group of its VPC';

/**
 * Whether a reason is about the default group of a VPC, in files that declare no default group. Such a part has none of
 * the declared groups.
 */
function defaultGroupIsAnother(mode: Mode, { byId }: SecurityGroups): (reason: string) => boolean {
  const isDeclaredHere = [...byId.values()].some(({ name }) => name === 'default');
  return (reason) => isDeclared(mode) && !isDeclaredHere && reason.includes(ofDefaultGroup);
}

export function describeInterface(eni: AttachedInterface): string {
  if (eni.owner !== undefined) return describePart(eni.owner);
  if (eni.instanceId !== undefined) {
    return eni.instanceId === eni.id ? `instance ${eni.id}` : `instance ${eni.instanceId} (${eni.id})`;
  }
  return eni.description === '' ? `interface ${eni.id}` : `interface ${eni.id} (${eni.description})`;
}

/** Why a part may have more groups than `groupsOf` returns. */
export function whyGroupsUnknown(part: Part | ProxyPart, interfaces: Interfaces): string[] {
  const own = interfaces.byOwner.get(part) ?? [];
  return [...part.groupUnknownReasons, ...own.flatMap(({ groupUnknownReasons }) => groupUnknownReasons)];
}

/** The groups that a part declares joined with those on its interfaces. */
export function groupsOf(part: Part | ProxyPart, interfaces: Interfaces): string[] {
  const attached = (interfaces.byOwner.get(part) ?? []).flatMap(({ groups }) => groups);
  return [...new Set([...part.groups, ...attached])];
}
