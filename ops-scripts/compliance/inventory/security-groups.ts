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

export function readSecurityGroups(answers: Answers): SecurityGroups {
  const listed = listAnswers(answers, 'ec2', 'DescribeSecurityGroups', 'SecurityGroups');
  const byId = new Map<string, SecurityGroup>();
  const unknownReasons = [...listed.unknownReasons];
  const seen = new Map<string, GroupRule>();
  const own = answers.snapshot.account;
  const add = (group: SecurityGroup, rule: GroupRule) => {
    const key = `${rule.egress}|${group.id}|${formatTraffic(rule.traffic)}|${peerKey(rule.peer)}|${rule.peer.kind === 'group' ? (rule.peer.foreign ?? '') : ''}`;
    const before = seen.get(key);
    if (before === undefined) {
      seen.set(key, rule);
      (rule.egress ? group.egress : group.ingress).push(rule);
    } else if (rule.id !== undefined) before.id ??= rule.id;
  };
  for (const raw of listed.items) {
    const id = attempt(
      () => knownText(raw.GroupId, 'the id of a security group'),
      (reason) => unknownReasons.push(reason),
    );
    if (id === undefined) continue;
    const group = openGroup(byId, id);
    group.name = typeof raw.GroupName === 'string' ? raw.GroupName : id;
    group.egressKnown =
      raw.IpPermissionsEgress !== undefined || isMade(answers, 'ec2.DescribeSecurityGroupRules');
    if (raw.VpcId !== undefined) group.vpcId = raw.VpcId;
    for (const [permissions, egress] of [
      [raw.IpPermissions, false],
      [raw.IpPermissionsEgress, true],
    ] as const) {
      if (permissions === undefined && !isMade(answers, 'ec2.DescribeSecurityGroupRules')) {
        if (!egress) group.unknownReasons.push(`rules of ${id} are not in the answer`);
        continue;
      }
      const unread = egress ? group.egressUnknownReasons : group.unknownReasons;
      const list = attempt(
        () => knownList(permissions, `rules of ${id}`),
        (reason) => unread.push(reason),
        groupsCall,
      );
      for (const permission of list ?? []) {
        attempt(
          () => {
            for (const rule of fromPermission(permission, id, egress, own)) add(group, rule);
          },
          (reason) => unread.push(reason),
          groupsCall,
        );
      }
    }
  }
  if (isMade(answers, 'ec2.DescribeSecurityGroupRules')) {
    const rules = listAnswers(answers, 'ec2', 'DescribeSecurityGroupRules', 'SecurityGroupRules');
    unknownReasons.push(...rules.unknownReasons);
    for (const raw of rules.items) {
      const id = attempt(
        () => known(raw.GroupId, 'the group of a rule'),
        (reason) => unknownReasons.push(reason),
      );
      // A rule whose group is not in the list of groups: only the group's own absence may speak for it.
      const group = id === undefined ? undefined : byId.get(id);
      if (group === undefined) continue;
      attempt(
        () => add(group, fromRule(raw, group.id, own)),
        (reason) => {
          // One that does not say which way it goes may go either way.
          if (raw.IsEgress !== true) group.unknownReasons.push(reason);
          if (raw.IsEgress !== false) group.egressUnknownReasons.push(reason);
        },
        rulesCall,
      );
    }
  }
  return { byId, unknownReasons };
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
