// Security groups with all their rules, merged from the two EC2 calls that return them.
import { type Answers, isMade, listAnswers } from '../answers.ts';
import { formatTraffic } from '../network/traffic.ts';
import { attempt, known, knownList, knownText } from '../unknown.ts';
import { fromPermission, fromRule, type GroupRule, peerKey } from './group-rules.ts';

export interface SecurityGroup {
  id: string;
  name: string;
  vpcId?: string;
  ingress: GroupRule[];
  egress: GroupRule[];
  /** Whether any call told the egress rules. */
  egressKnown: boolean;
  /** Why there may be other rules that let something in. */
  unknownReasons: string[];
  /** Why there may be other rules that let something out. */
  egressUnknownReasons: string[];
}

export interface SecurityGroups {
  byId: Map<string, SecurityGroup>;
  unknownReasons: string[];
}

const groupsCall = 'an answer to ec2.DescribeSecurityGroups';
const rulesCall = 'an answer to ec2.DescribeSecurityGroupRules';

type AddRule = (group: SecurityGroup, rule: GroupRule) => void;

export function readSecurityGroups(answers: Answers): SecurityGroups {
  const groups: SecurityGroups = { byId: new Map(), unknownReasons: [] };
  const seen = new Map<string, GroupRule>();
  const add: AddRule = (group, rule) => {
    const foreign = rule.peer.kind === 'group' ? (rule.peer.foreign ?? '') : '';
    const key = `${rule.egress}|${group.id}|${formatTraffic(rule.traffic)}|${peerKey(rule.peer)}|${foreign}`;
    const before = seen.get(key);
    if (before === undefined) {
      seen.set(key, rule);
      (rule.egress ? group.egress : group.ingress).push(rule);
    } else if (rule.id !== undefined) before.id ??= rule.id;
  };
  readGroups(answers, groups, add);
  if (isMade(answers, 'ec2.DescribeSecurityGroupRules')) readRules(answers, groups, add);
  return groups;
}

function readGroups(answers: Answers, { byId, unknownReasons }: SecurityGroups, add: AddRule): void {
  const listed = listAnswers(answers, 'ec2', 'DescribeSecurityGroups', 'SecurityGroups');
  unknownReasons.push(...listed.unknownReasons);
  const rulesAreListed = isMade(answers, 'ec2.DescribeSecurityGroupRules');
  for (const raw of listed.items) {
    const id = attempt(
      () => knownText(raw.GroupId, 'the id of a security group'),
      (reason) => unknownReasons.push(reason),
    );
    if (id === undefined) continue;
    const group = openGroup(byId, id);
    group.name = typeof raw.GroupName === 'string' ? raw.GroupName : id;
    group.egressKnown = raw.IpPermissionsEgress !== undefined || rulesAreListed;
    if (raw.VpcId !== undefined) group.vpcId = raw.VpcId;
    for (const [permissions, egress] of [
      [raw.IpPermissions, false],
      [raw.IpPermissionsEgress, true],
    ] as const) {
      const unread = egress ? group.egressUnknownReasons : group.unknownReasons;
      const tell = (reason: string) => unread.push(reason);
      if (permissions === undefined && !rulesAreListed) {
        if (!egress) tell(`rules of ${id} are not in the answer`);
        continue;
      }
      const own = answers.snapshot.account;
      const addAll = (permission: NonNullable<typeof permissions>[number]) => {
        for (const rule of fromPermission(permission, id, egress, own)) add(group, rule);
      };
      const list = attempt(() => knownList(permissions, `rules of ${id}`), tell, groupsCall);
      for (const permission of list ?? []) attempt(() => addAll(permission), tell, groupsCall);
    }
  }
}

function readRules(answers: Answers, { byId, unknownReasons }: SecurityGroups, add: AddRule): void {
  const rules = listAnswers(answers, 'ec2', 'DescribeSecurityGroupRules', 'SecurityGroupRules');
  unknownReasons.push(...rules.unknownReasons);
  for (const raw of rules.items) {
    const id = attempt(
      () => known(raw.GroupId, 'the group of a rule'),
      (reason) => unknownReasons.push(reason),
    );
    // A rule of a group that is not in the list is passed over: whatever uses that group finds it missing.
    const group = id === undefined ? undefined : byId.get(id);
    if (group === undefined) continue;
    attempt(
      () => add(group, fromRule(raw, group.id, answers.snapshot.account)),
      (reason) => {
        // One that does not say which way it goes may go either way.
        if (raw.IsEgress !== true) group.unknownReasons.push(reason);
        if (raw.IsEgress !== false) group.egressUnknownReasons.push(reason);
      },
      rulesCall,
    );
  }
}

function openGroup(byId: Map<string, SecurityGroup>, id: string): SecurityGroup {
  const group = byId.get(id) ?? {
    id,
    name: id,
    ingress: [],
    egress: [],
    egressKnown: false,
    unknownReasons: [],
    egressUnknownReasons: [],
  };
  byId.set(id, group);
  return group;
}
