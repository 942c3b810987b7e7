// Who really wears a security group: every interface that has it and every part that declares it.
import { describePart, type Part, type ProxyPart } from '../parts/part.ts';
import type { Parts } from '../parts/read-parts.ts';
import type { Mode } from '../snapshot.ts';
import type { Interfaces } from './interfaces.ts';
import type { WornInterface } from './worn-interface.ts';

export interface Wearer {
  /** `instance i-1 (eni-1)`, `load balancer web` … */
  name: string;
  /** The part that it is of; none for anything else in the account. */
  owner?: Part | ProxyPart;
  /** One interface that wears it, where interfaces are known. */
  face?: WornInterface;
  /** Why there may be no such wearer. */
  doubt?: string;
}

export interface Wearers {
  of(groupId: string): readonly Wearer[];
  /** Why someone who could open connections may wear more groups than are known. */
  doubts: string[];
}

export function readWearers(parts: Parts, interfaces: Interfaces, mode: Mode): Wearers {
  const byGroup = new Map<string, Map<unknown, Wearer>>();
  const wear = (groupId: string, key: unknown, wearer: Wearer) => {
    const wearers = byGroup.get(groupId) ?? new Map<unknown, Wearer>();
    byGroup.set(groupId, wearers);
    const before = wearers.get(key);
    if (before === undefined) {
      wearers.set(key, wearer);
      return;
    }
    if (wearer.face !== undefined) before.face ??= wearer.face;
    if (wearer.doubt === undefined) delete before.doubt;
  };
  const clients = [
    ...parts['load-balancer'].items,
    ...parts['auto-scaling-group'].items,
    ...parts.proxies.items,
  ];
  for (const part of [...clients, ...parts.cache.items, ...parts.database.items]) {
    for (const group of part.groups) wear(group, part, { name: describePart(part), owner: part });
  }
  for (const face of interfaces.all) {
    const wearer: Wearer = {
      name: describeInterface(face),
      face,
      ...(face.owner ? { owner: face.owner } : {}),
      ...(face.doubt === undefined ? {} : { doubt: face.doubt }),
    };
    for (const group of face.groups) wear(group, face.owner ?? face, wearer);
  }
  const lists = new Map([...byGroup].map(([id, wearers]) => [id, [...wearers.values()]]));
  return {
    of: (groupId) => lists.get(groupId) ?? [],
    doubts: [
      ...clients.flatMap(({ groupDoubts }) => groupDoubts),
      ...interfaces.all.flatMap(({ groupDoubts }) => groupDoubts),
      ...interfaces.doubts,
      ...interfaces.instanceDoubts,
      ...(mode === 'template' ? unreadClients(parts) : parts.proxies.absent ? [] : parts.proxies.doubts),
    ],
  };
}

/** A template's parts have no interfaces: one that can't be read is seen nowhere else. */
function unreadClients(parts: Parts): string[] {
  return [parts['load-balancer'], parts['auto-scaling-group'], parts.proxies].flatMap(({ doubts }) => doubts);
}

export function describeInterface(face: WornInterface): string {
  if (face.owner !== undefined) return describePart(face.owner);
  if (face.instanceId !== undefined) {
    return face.instanceId === face.id ? `instance ${face.id}` : `instance ${face.instanceId} (${face.id})`;
  }
  return face.description === '' ? `interface ${face.id}` : `interface ${face.id} (${face.description})`;
}

/** Why a part may wear more groups than `groupsOf` tells. */
export function groupDoubtsOf(part: Part | ProxyPart, interfaces: Interfaces): string[] {
  const own = interfaces.byOwner.get(part) ?? [];
  return [...part.groupDoubts, ...own.flatMap(({ groupDoubts }) => groupDoubts)];
}

/** The groups that a part declares joined with those on its interfaces. */
export function groupsOf(part: Part | ProxyPart, interfaces: Interfaces): string[] {
  const worn = (interfaces.byOwner.get(part) ?? []).flatMap(({ groups }) => groups);
  return [...new Set([...part.groups, ...worn])];
}
