// The security groups of a resource beside the stack, at whatever depth its properties name them.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import type { Draft } from './draft.ts';
import { whyUnread } from './evaluate.ts';
import { isRecord } from './parse-template.ts';
import { listOf, type Properties, type Resource } from './resources.ts';

/** Properties that name groups; those that begin with `Source` name who may come in. */
const namesGroups =
  /^(GroupSet|SecurityGroups|SecurityGroupIds|SecurityGroupIdList|VpcSecurityGroupIds|(Emr|Additional|ServiceAccess)\w*SecurityGroups?)$/;

/** Properties that hold groups further down, so that groups are unknown with them. */
const containsGroups =
  /^(NetworkInterfaces|LaunchTemplate\w*|LaunchSpecifications|Vpc(Config\w*|Options|Settings)|ResourcesVpcConfig|NetworkConfiguration|AwsvpcConfiguration|ComputeResources|BrokerNodeGroupInfo|Instances)$/i;

/** As `Groups` of an interface: an item that can't be known stands for any number of groups. */
export function attachedGroups(draft: Draft, { type, properties }: Resource): unknown[] {
  const unread = whyUnread(properties);
  if (unread !== undefined) return [unread];
  const own = groupsIn(properties);
  const templates = templatesIn(properties);
  // An instance with groups of its own does not get those of its launch template.
  if (type === 'AWS::EC2::Instance' && own.length > 0) return own;
  return [...own, ...templates.flatMap((template) => groupsOfTemplate(draft, template))];
}

function groupsIn(properties: Properties): unknown[] {
  // Elastic Beanstalk names what it sets in a property.
  const { OptionName: option, Value: given } = properties;
  if (typeof option === 'string' && /SecurityGroups?$/.test(option)) return listOf(given).flatMap(toGroups);
  return Object.entries(properties).flatMap(([key, value]) => {
    if (namesGroups.test(key)) return listOf(value).flatMap(toGroups);
    return listOf(value).flatMap((inner) => {
      if (isUnknownValue(inner)) return containsGroups.test(key) ? [inner] : [];
      return isRecord(inner) ? groupsIn(inner) : [];
    });
  });
}

/** Some services take several in one text, separated by commas. */
function toGroups(group: unknown): unknown[] {
  if (typeof group !== 'string') return [toGroup(group)];
  return group
    .split(/[\s,]+/)
    .filter((id) => id !== '')
    .map((GroupId) => ({ GroupId }));
}

function toGroup(group: unknown): unknown {
  if (isUnknownValue(group)) return group;
  // Spot fleets write `{ GroupId }`.
  return isRecord(group) ? { GroupId: group['GroupId'] } : unknownValue('a security group is not text');
}

/** The launch templates that are referred to at any depth, by what names them. */
function templatesIn(properties: Properties, within = ''): unknown[] {
  // EKS calls them `Id` and `Name` within its `LaunchTemplate`.
  const short = /^LaunchTemplate(Specification)?$/.test(within)
    ? (properties['Id'] ?? properties['Name'])
    : undefined;
  const name = properties['LaunchTemplateId'] ?? properties['LaunchTemplateName'] ?? short;
  const inner = Object.entries(properties).flatMap(([key, value]) =>
    listOf(value)
      .filter((record) => isRecord(record) && !isUnknownValue(record))
      .flatMap((record) => templatesIn(record as Properties, key)),
  );
  return [...(name === undefined || isUnknownValue(name) ? [] : [name]), ...inner];
}

function groupsOfTemplate(draft: Draft, name: unknown): (UnknownValue | unknown)[] {
  const found = draft.resources.find(
    ({ id, type, properties }) =>
      type === 'AWS::EC2::LaunchTemplate' && (id === name || properties['LaunchTemplateName'] === name),
  );
  if (found === undefined) return [unknownValue(`launch template ${String(name)} is not in the template`)];
  const data = found.properties['LaunchTemplateData'];
  if (isUnknownValue(data)) return [data];
  return isRecord(data) ? groupsIn(data) : [];
}
