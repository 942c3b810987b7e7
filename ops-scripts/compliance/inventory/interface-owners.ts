// Finds the owner of a network interface, by its instance or by the description that the AWS service writes.
import type { Part, ProxyPart } from '../parts/part.ts';
import type { Parts } from '../parts/read-parts.ts';
import type { AttachedInterface } from './attached-interface.ts';

export type OwnerOf = (eni: AttachedInterface) => Part | ProxyPart | undefined;

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
  return (eni) => {
    if (eni.instanceId !== undefined) return asgByInstance.get(eni.instanceId);
    const words = eni.description.split(/[\s,:]+/);
    if (eni.description.startsWith('ELB ')) return balancers.get(eni.description);
    if (/ElastiCache/i.test(eni.description)) return words.map((word) => caches.get(word)).find(Boolean);
    if (/DBProxy/i.test(eni.description)) return words.map((word) => proxies.get(word)).find(Boolean);
    if (/^RDSNetworkInterface/.test(eni.description)) return databaseOf(parts, eni);
    return undefined;
  };
}

/** RDS writes no name on its interfaces: the database whose declared groups fit best, those that fit exactly first. */
function databaseOf(parts: Parts, eni: AttachedInterface): Part | undefined {
  const sharing = parts.database.items.filter(({ groups }) =>
    groups.some((group) => eni.groups.includes(group)),
  );
  const exact = sharing.find(
    ({ groups }) =>
      groups.length === eni.groups.length && groups.every((group) => eni.groups.includes(group)),
  );
  return exact ?? sharing[0];
}
