// Who a network interface belongs to, by its attachment or by the description that the AWS service writes on it.
import type { Part, ProxyPart } from '../parts/part.ts';
import type { Parts } from '../parts/read-parts.ts';
import type { WornInterface } from './worn-interface.ts';

export type OwnerOf = (face: WornInterface) => Part | ProxyPart | undefined;

export function openOwners(parts: Parts, asgByInstance: Map<string, Part>): OwnerOf {
  const balancers = new Map(
    parts['load-balancer'].items.map((part) => [
      `ELB ${part.id.split('loadbalancer/')[1] ?? part.name}`,
      part,
    ]),
  );
  const caches = new Map<string, Part>();
  for (const part of parts.cache.items) {
    caches.set(part.name, part);
    if (part.flavor === 'replication-group') {
      for (const { CacheClusterId } of part.clusters) if (CacheClusterId) caches.set(CacheClusterId, part);
    }
  }
  // Endpoints first: where one bears the name of a proxy, the proxy is meant.
  const byDepth = parts.proxies.items.toSorted((a, b) => Number(!a.endpointOf) - Number(!b.endpointOf));
  const proxies = new Map(byDepth.map((part) => [part.name, part]));
  return (face) => {
    if (face.instanceId !== undefined) return asgByInstance.get(face.instanceId);
    const words = face.description.split(/[\s,:]+/);
    if (face.description.startsWith('ELB ')) return balancers.get(face.description);
    if (/ElastiCache/i.test(face.description)) return words.map((word) => caches.get(word)).find(Boolean);
    if (/DBProxy/i.test(face.description)) return words.map((word) => proxies.get(word)).find(Boolean);
    if (/^RDSNetworkInterface/.test(face.description)) return databaseOf(parts, face);
    return undefined;
  };
}

/** RDS writes no name on its interfaces: the database whose declared groups fit best, those that fit exactly first. */
function databaseOf(parts: Parts, face: WornInterface): Part | undefined {
  const sharing = parts.database.items.filter(({ groups }) =>
    groups.some((group) => face.groups.includes(group)),
  );
  const exact = sharing.find(
    ({ groups }) =>
      groups.length === face.groups.length && groups.every((group) => face.groups.includes(group)),
  );
  return exact ?? sharing[0];
}
