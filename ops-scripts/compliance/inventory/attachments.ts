// What each security group is attached to: every interface that has it and every part that declares it.
import { describePart, type Part, type ProxyPart } from '../parts/part.ts';
import type { Parts } from '../parts/read-parts.ts';
import { isDeclared, type Mode } from '../snapshot.ts';
import type { AttachedInterface } from './attached-interface.ts';
import type { Interfaces } from './interfaces.ts';
import type { SecurityGroups } from './security-groups.ts';

export interface Attachment {
  /** `instance i-1 (eni-1)`, `load balancer web` … */
  name: string;
  /** The part that it is of; none for anything else in the account. */
  owner?: Part | ProxyPart;
  /** One interface that has the group, where interfaces are known. */
  eni?: AttachedInterface;
  /** Why this attachment may not exist. */
  unknownReason?: string;
}

export interface Attachments {
  of(groupId: string): readonly Attachment[];
  /** Why something that could open connections may have more groups than are known. */
  unknownReasons: string[];
}

/** `groups` are those that the account shows, or that a template or plan declares. */
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

/** A template's parts have no interfaces: what is not known of one is seen nowhere else. */
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

/** A part with the default group of its VPC has none that a template declares, unless the default group is declared. */
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
