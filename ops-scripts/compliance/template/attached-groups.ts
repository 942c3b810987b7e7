// The security groups of a resource beside the stack, at whatever depth its properties name them.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import type { Draft } from './draft.ts';
import { whyUnread } from './evaluate.ts';
import { isRecord } from './parse-template.ts';
import { containsGroups, isGroupOption, namesGroups } from './resource-facts.ts';
import { listOf, type Properties, type Resource } from './resources.ts';

/** As `Groups` of an interface: an item that can't be known stands for any number of groups. */
export function attachedGroups(draft: Draft, { type, properties }: Resource): unknown[] {
  const unread = whyUnread(properties);
  if (unread !== undefined) return [unread];
  const own = groupsIn(draft, properties);
  const templates = templatesIn(properties);
  // An instance with groups of its own does not get those of its launch template.
  if (type === 'AWS::EC2::Instance' && own.length > 0) return own;
  return [...own, ...templates.flatMap((template) => groupsOfTemplate(draft, template))];
}

function groupsIn(draft: Draft, properties: Properties, within = ''): unknown[] {
  const { OptionName: option, Value: given = properties['URI'] } = properties;
  if (isUnknownValue(option) && given !== undefined) return [option];
  if (isGroupOption(properties)) return listOf(given).flatMap((group) => toGroups(draft, group));
  return Object.entries(properties).flatMap(([key, value]) => {
    // Launch templates call them otherwise on a network interface.
    const isNamed = namesGroups.test(key) || (key === 'Groups' && within === 'NetworkInterfaces');
    if (isNamed) return listOf(value).flatMap((group) => toGroups(draft, group));
    return listOf(value).flatMap((inner) => {
      if (isUnknownValue(inner)) return containsGroups.test(key) ? [inner] : [];
      return isRecord(inner) ? groupsIn(draft, inner, key) : [];
    });
  });
}

/** Some services take several in one text, separated by commas; some take ARNs, and instances take names. */
function toGroups(draft: Draft, group: unknown): unknown[] {
  if (typeof group !== 'string') return [toGroup(group)];
  return group
    .split(/[\s,]+/)
    .map((text) => text.replace(/^(arn:.*:security-group\/|security_group:)/, ''))
    .filter((text) => text !== '')
    .map((text) => {
      const id = draft.named('AWS::EC2::SecurityGroup', 'GroupName', text);
      return isUnknownValue(id) ? id : { GroupId: id };
    });
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
  return [...(name === undefined ? [] : [name]), ...inner];
}

function groupsOfTemplate(draft: Draft, name: unknown): (UnknownValue | unknown)[] {
  if (isUnknownValue(name)) return [name];
  const id = draft.named('AWS::EC2::LaunchTemplate', 'LaunchTemplateName', name);
  const found = draft.perhaps('AWS::EC2::LaunchTemplate').find((template) => template.id === id);
  if (found === undefined)
    return [isUnknownValue(id) ? id : unknownValue(`launch template ${String(name)} is not in the template`)];
  const data = found.properties['LaunchTemplateData'];
  if (isUnknownValue(data)) return [data];
  return isRecord(data) ? groupsIn(draft, data) : [];
}
