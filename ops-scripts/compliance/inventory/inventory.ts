// What the rules see of an account: parts, groups, interfaces and zones, read once from the snapshot.
import { type Answers, openAnswers } from '../answers.ts';
import { attempt } from '../doubt.ts';
import { noParts, type Parts, readParts } from '../parts/read-parts.ts';
import type { Mode, Snapshot } from '../snapshot.ts';
import { type Interfaces, readInterfaces } from './interfaces.ts';
import { openPrefixLists, type PrefixLists } from './prefix-lists.ts';
import { readSecurityGroups, type SecurityGroups } from './security-groups.ts';
import { readWearers, type Wearers } from './wearers.ts';
import { readZones, type Zones } from './zones.ts';

export interface World {
  mode: Mode;
  account: string;
  region: string;
  answers: Answers;
  parts: Parts;
  groups: SecurityGroups;
  interfaces: Interfaces;
  prefixLists: PrefixLists;
  wearers: Wearers;
  zones: Zones;
  /** Why something of the account could not be read at all: nothing passes beside it. */
  faults: string[];
}

export function openWorld(snapshot: Snapshot, mode: Mode): World {
  const answers = openAnswers(snapshot);
  const faults: string[] = [];
  const read = <T>(what: string, reading: () => T, nothing: T): T =>
    attempt(reading, (reason) => faults.push(reason), what) ?? nothing;
  const parts = read('an answer about a part', () => readParts(answers), noParts());
  const interfaces = read(
    'an answer to ec2.DescribeInstances or ec2.DescribeNetworkInterfaces',
    () => readInterfaces(answers, parts),
    { all: [], byOwner: new Map(), doubts: [], instanceDoubts: [] },
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
      { byId: new Map(), doubts: [] },
    ),
    interfaces,
    prefixLists: openPrefixLists(answers),
    wearers: readWearers(parts, interfaces, mode),
    zones: readZones(answers),
    faults,
  };
}
