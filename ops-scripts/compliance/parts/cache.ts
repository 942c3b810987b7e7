// Reads caches: replication groups with their clusters, single clusters (Memcached, one node), serverless caches.
import type { CacheCluster } from '@aws-sdk/client-elasticache';
import { type Answers, type Listed, listAnswers } from '../answers.ts';
import { knownList, knownOrAbsent, knownText, UnknownError } from '../unknown.ts';
import { type CachePart, declaredGroups, readEach, readGroups, textOr } from './part.ts';

export function readCaches(answers: Answers): Listed<CachePart> {
  const groups = listAnswers(answers, 'elasticache', 'DescribeReplicationGroups', 'ReplicationGroups');
  const clusters = listAnswers(answers, 'elasticache', 'DescribeCacheClusters', 'CacheClusters');
  const serverless = listAnswers(answers, 'elasticache', 'DescribeServerlessCaches', 'ServerlessCaches');
  const lists: Listed<CachePart>[] = [
    readEach(groups, (raw): CachePart => {
      const name = knownText(raw.ReplicationGroupId, 'the id of a replication group');
      const own = membersOf(clusters.items, name, raw.MemberClusters);
      const requireAll = () => {
        const missing = knownList(raw.MemberClusters, `members of ${name}`).find(
          (id) => !own.some(({ CacheClusterId }) => CacheClusterId === id),
        );
        if (missing !== undefined || own.length === 0) {
          throw new UnknownError(
            clusters.unknownReasons[0] ?? `cache cluster ${missing ?? `of ${name}`} is not in any answer`,
          );
        }
        return [];
      };
      const attached = readGroups(requireAll, ...own.map((cluster) => () => groupsOfCluster(cluster)));
      return {
        kind: 'cache',
        flavor: 'replication-group',
        id: textOr(raw.ARN, name),
        name,
        raw,
        clusters: own,
        ...attached,
      };
    }),
    readEach({ ...clusters, items: clusters.items.filter(standsAlone) }, (raw): CachePart => {
      const name = knownText(raw.CacheClusterId, 'the id of a cache cluster');
      const attached = readGroups(() => groupsOfCluster(raw));
      return { kind: 'cache', flavor: 'cluster', id: textOr(raw.ARN, name), name, raw, ...attached };
    }),
    readEach(serverless, (raw): CachePart => {
      const name = knownText(raw.ServerlessCacheName, 'the name of a serverless cache');
      const attached = readGroups(() => declaredGroups(raw.SecurityGroupIds, name, (id) => id));
      return { kind: 'cache', flavor: 'serverless', id: textOr(raw.ARN, name), name, raw, ...attached };
    }),
  ];
  return {
    items: lists.flatMap(({ items }) => items),
    // A list for which no call was made is not unknown as long as another kind was listed.
    unknownReasons: lists.flatMap(({ unknownReasons, absent }) =>
      absent && lists.some((other) => !other.absent) ? [] : unknownReasons,
    ),
    absent: lists.every(({ absent }) => absent),
  };
}

function membersOf(clusters: CacheCluster[], name: string, members: unknown): CacheCluster[] {
  const ids = Array.isArray(members) ? members : [];
  return clusters.filter(
    (cluster) => cluster.ReplicationGroupId === name || ids.includes(cluster.CacheClusterId),
  );
}

function standsAlone(cluster: CacheCluster): boolean {
  return (
    cluster.ReplicationGroupId === undefined ||
    cluster.ReplicationGroupId === null ||
    cluster.ReplicationGroupId === ''
  );
}

function groupsOfCluster(cluster: CacheCluster): string[] {
  return declaredGroups(
    cluster.SecurityGroups,
    `cache cluster ${cluster.CacheClusterId}`,
    (group) => group.SecurityGroupId,
  );
}

/** The ports on which a cache listens. Without an endpoint it is the engine's default port. */
export function cachePorts(part: CachePart): number[] {
  const { raw } = part;
  if (part.flavor === 'serverless') {
    const ports = [part.raw.Endpoint?.Port, part.raw.ReaderEndpoint?.Port].map((port) =>
      knownOrAbsent(port, `the port of ${part.name}`),
    );
    return usual(ports, part.raw.Engine === 'memcached' ? 11_211 : 6379);
  }
  if (part.flavor === 'cluster') {
    const nodes = (part.raw.CacheNodes ?? []).map(({ Endpoint }) => Endpoint?.Port);
    const ports = [part.raw.ConfigurationEndpoint?.Port, ...nodes].map((port) =>
      knownOrAbsent(port, `the port of ${part.name}`),
    );
    return usual(ports, raw && part.raw.Engine === 'memcached' ? 11_211 : 6379);
  }
  // All shards listen on the port of the configuration endpoint.
  const configured = part.raw.ConfigurationEndpoint;
  const shards = knownList(
    configured?.Port === undefined || Array.isArray(part.raw.NodeGroups) ? part.raw.NodeGroups : [],
    `shards of ${part.name}`,
  );
  const endpoints = [
    configured,
    ...shards.flatMap((shard) => [shard.PrimaryEndpoint, shard.ReaderEndpoint]),
    ...part.clusters.flatMap((cluster) => (cluster.CacheNodes ?? []).map((node) => node.Endpoint)),
  ];
  return usual(
    endpoints.map((endpoint) => knownOrAbsent(endpoint?.Port, `the port of ${part.name}`)),
    6379,
  );
}

function usual(ports: (number | undefined)[], otherwise: number): number[] {
  const given = [...new Set(ports.filter((port) => port !== undefined && port > 0))] as number[];
  return given.length === 0 ? [otherwise] : given;
}
