// The inventory that controls judge: parts, security groups, interfaces and zones, read once from a snapshot.
import { type Answers, listAnswers, openAnswers } from '../answers.ts';
import { type Cidr, readCidr } from '../network/address.ts';
import { noParts, type Parts, readParts } from '../parts/read-parts.ts';
import type { Mode, Snapshot } from '../snapshot.ts';
import { attempt, known, UnknownError } from '../unknown.ts';
import { type Attachments, readAttachments } from './attachments.ts';
import { type Interfaces, readInterfaces } from './interfaces.ts';
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
  /** Why something of the account could not be read at all: nothing passes beside it. */
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

/** The Availability Zones of subnets. Local Zones, Wavelength Zones and Outposts do not count as zones. */
interface Zones {
  /** The zones of these subnets; an UnknownError where one can't be told. */
  ofSubnets(subnetIds: string[]): string[];
  /** The Availability Zones among these names, each once. */
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

/** The CIDRs of a prefix list. Throws an UnknownError for one that can't be read, as an empty set would pass. */
interface PrefixLists {
  /** CIDRs of the list. */
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
