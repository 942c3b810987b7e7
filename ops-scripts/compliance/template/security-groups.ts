// Security groups of a template: inline rules and rule resources merged into one set, as on AWS.
import { isUnknownValue, type UnknownValue } from '../snapshot.ts';
import type { Draft } from './draft.ts';
import { mayGainRules } from './handed-groups.ts';
import { listOf, nameOf, numberOf, type Properties, type Resource } from './resources.ts';

interface GroupRule {
  id: string;
  groupId: unknown;
  egress: boolean;
  properties: Properties;
}

type Side = UnknownValue | Properties[];

export function answerSecurityGroups(draft: Draft): void {
  const separate = [
    ...separateRules(draft, 'AWS::EC2::SecurityGroupIngress', false),
    ...separateRules(draft, 'AWS::EC2::SecurityGroupEgress', true),
  ];
  const groups = draft.of('AWS::EC2::SecurityGroup');
  const rules = [...groups.flatMap((group) => inlineRules(draft, group, separate)), ...separate];
  const SecurityGroups = draft.items('AWS::EC2::SecurityGroup', ({ id, properties }) => ({
    GroupId: id,
    GroupName: nameOf(properties['GroupName'], id),
    VpcId: properties['VpcId'],
    OwnerId: draft.snapshot.account,
    Tags: properties['Tags'],
    IpPermissions: side(draft, { id, inline: properties['SecurityGroupIngress'], rules, egress: false }),
    IpPermissionsEgress: side(draft, { id, inline: properties['SecurityGroupEgress'], rules, egress: true }),
  }));
  draft.answer('ec2', 'DescribeSecurityGroups', { SecurityGroups });
  draft.answer('ec2', 'DescribeSecurityGroupRules', {
    SecurityGroupRules: describeRules(SecurityGroups, rules),
  });
}

function separateRules(draft: Draft, type: string, egress: boolean): GroupRule[] {
  return draft.perhaps(type).flatMap(({ id, properties, unknownReason }) => {
    const rule = {
      id,
      egress,
      properties: unknownReason === undefined ? withSourceId(draft, properties) : { unknownReason },
    };
    const { GroupId: given, GroupName: name } = properties;
    const groupId = given ?? groupNamed(draft, name);
    if (given !== undefined || typeof name !== 'string' || !isUnknownValue(groupId))
      return { ...rule, groupId };
    // The rule may belong to each group whose own name is unknown.
    const perhaps = draft
      .perhaps('AWS::EC2::SecurityGroup')
      .filter((group) => isUnknownValue(group.properties['GroupName']));
    return perhaps.map((group) => ({ ...rule, groupId: group.id, properties: { unknownReason: groupId } }));
  });
}

/**
 * Finds a group by name, as default VPCs allow. A name that is not in the template may belong to a group whose name is
 * unknown.
 */
function groupNamed(draft: Draft, name: unknown): unknown {
  return name === undefined ? name : draft.named('AWS::EC2::SecurityGroup', 'GroupName', name);
}

function withSourceId(draft: Draft, rule: Properties): Properties {
  const { SourceSecurityGroupName: name, ...others } = rule;
  if (name === undefined || rule['SourceSecurityGroupId'] !== undefined) return rule;
  return { ...others, SourceSecurityGroupId: groupNamed(draft, name) };
}

function inlineRules(draft: Draft, { id, properties }: Resource, separate: GroupRule[]): GroupRule[] {
  const of = (name: string, egress: boolean): GroupRule[] =>
    listOf(properties[name]).map((rule, index) => ({
      id: `${id}.${name}[${index}]`,
      groupId: id,
      egress,
      properties: isUnknownValue(rule) ? { unknownReason: rule } : withSourceId(draft, rule as Properties),
    }));
  const egress = of('SecurityGroupEgress', true);
  const limited = egress.length > 0 || separate.some((rule) => rule.egress && rule.groupId === id);
  // A group without egress rules may reach everything. A rule that is a resource of its own also removes this default.
  const everything = [
    { id: `${id}.default`, groupId: id, egress: true, properties: { IpProtocol: '-1', CidrIp: '0.0.0.0/0' } },
  ];
  return [...of('SecurityGroupIngress', false), ...(limited ? egress : everything)];
}

/** One direction of a group's rules. It is unknown as a whole if a rule of it may or may not exist. */
function side(
  draft: Draft,
  { id, inline, rules, egress }: { id: string; inline: unknown; rules: GroupRule[]; egress: boolean },
): Side {
  const mine = rules.filter((rule) => rule.egress === egress && rule.groupId === id);
  const unknownReasons = [
    inline,
    ...mine.map((rule) => rule.properties['unknownReason']),
    ...rules.filter((rule) => rule.egress === egress).map((rule) => rule.groupId),
    egress ? undefined : mayGainRules(draft, id),
  ];
  const unknownReason = unknownReasons.find(isUnknownValue);
  return unknownReason ?? mine.map((rule) => toPermission(rule.properties));
}

function toPermission(rule: Properties): Properties {
  const source = rule['SourceSecurityGroupId'] ?? rule['DestinationSecurityGroupId'];
  const prefixList = rule['SourcePrefixListId'] ?? rule['DestinationPrefixListId'];
  const protocol = protocolOf(rule);
  return {
    IpProtocol: protocol,
    ...(protocol === '-1' ? {} : { FromPort: numberOf(rule['FromPort']), ToPort: numberOf(rule['ToPort']) }),
    IpRanges: rule['CidrIp'] === undefined ? [] : [{ CidrIp: rule['CidrIp'] }],
    Ipv6Ranges: rule['CidrIpv6'] === undefined ? [] : [{ CidrIpv6: rule['CidrIpv6'] }],
    PrefixListIds: prefixList === undefined ? [] : [{ PrefixListId: prefixList }],
    UserIdGroupPairs:
      source === undefined ? [] : [{ GroupId: source, UserId: rule['SourceSecurityGroupOwnerId'] }],
  };
}

function protocolOf(rule: Properties): unknown {
  const protocol = rule['IpProtocol'];
  return isUnknownValue(protocol) ? protocol : String(protocol ?? '-1');
}

/** The same rules with their ids. Uncertain rules are left out, because their group's side is unknown already. */
function describeRules(groups: unknown[], rules: GroupRule[]): unknown[] {
  const known = new Set(groups.map((group) => (group as Properties)['GroupId']));
  return rules
    .filter((rule) => known.has(rule.groupId) && rule.properties['unknownReason'] === undefined)
    .map((rule) => {
      const permission = toPermission(rule.properties);
      const [pair] = permission['UserIdGroupPairs'] as Properties[];
      return {
        SecurityGroupRuleId: rule.id,
        GroupId: rule.groupId,
        IsEgress: rule.egress,
        IpProtocol: permission['IpProtocol'],
        FromPort: permission['FromPort'] ?? -1,
        ToPort: permission['ToPort'] ?? -1,
        CidrIpv4: rule.properties['CidrIp'],
        CidrIpv6: rule.properties['CidrIpv6'],
        PrefixListId: (permission['PrefixListIds'] as Properties[])[0]?.['PrefixListId'],
        ...(pair === undefined ? {} : { ReferencedGroupInfo: pair }),
      };
    });
}
