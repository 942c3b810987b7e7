// What the rules see of an account: parts, groups, interfaces and zones, read once from the snapshot.
import { type Answers, openAnswers } from '../answers.ts';
import { type Parts, readParts } from '../parts/read-parts.ts';
import type { Snapshot } from '../snapshot.ts';
import { type Interfaces, readInterfaces } from './interfaces.ts';
import { openPrefixLists, type PrefixLists } from './prefix-lists.ts';
import { readSecurityGroups, type SecurityGroups } from './security-groups.ts';
import { readWearers, type Wearers } from './wearers.ts';
import { readZones, type Zones } from './zones.ts';

export type Mode = 'live' | 'snapshot' | 'template';

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
}

export function openWorld(snapshot: Snapshot, mode: Mode): World {
  const answers = openAnswers(snapshot);
  const parts = readParts(answers);
  const interfaces = readInterfaces(answers, parts);
  return {
    mode,
    account: snapshot.account,
    region: snapshot.region,
    answers,
    parts,
    groups: readSecurityGroups(answers),
    interfaces,
    prefixLists: openPrefixLists(answers),
    wearers: readWearers(parts, interfaces),
    zones: readZones(answers),
  };
}
