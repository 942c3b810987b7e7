// The inventory that controls judge: parts, security groups, interfaces and zones, read once from a snapshot.
import { type Answers, openAnswers } from '../answers.ts';
import { noParts, type Parts, readParts } from '../parts/read-parts.ts';
import type { Mode, Snapshot } from '../snapshot.ts';
import { attempt } from '../unknown.ts';
import { type Attachments, readAttachments } from './attachments.ts';
import { type Interfaces, readInterfaces } from './interfaces.ts';
import { openPrefixLists, type PrefixLists } from './prefix-lists.ts';
import { readSecurityGroups, type SecurityGroups } from './security-groups.ts';
import { readZones, type Zones } from './zones.ts';

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
  return {
    mode,
    account: snapshot.account,
    region: snapshot.region,
    answers,
    parts,
    groups: read(
      'an answer to ec2.DescribeSecurityGroups or ec2.DescribeSecurityGroupRules',
      () => readSecurityGroups(answers),
      { byId: new Map(), unknownReasons: [] },
    ),
    interfaces,
    prefixLists: openPrefixLists(answers),
    attachments: readAttachments(parts, interfaces, mode),
    zones: readZones(answers),
    faults,
  };
}
