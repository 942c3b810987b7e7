// The four kinds of part of a stack, each with its declared security groups.
import type { AutoScalingGroup } from '@aws-sdk/client-auto-scaling';
import type { LoadBalancer } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { CacheCluster, ReplicationGroup, ServerlessCache } from '@aws-sdk/client-elasticache';
import type { DBCluster, DBInstance, DBProxy } from '@aws-sdk/client-rds';
import type { Answered, Listed } from '../answers.ts';
import { attempt, knownList, knownText, UnknownError } from '../unknown.ts';

export type PartKind = 'load-balancer' | 'auto-scaling-group' | 'cache' | 'database';

interface PartOf<K, R> {
  kind: K;
  /** ARN, or a name that is unique in the account and region. */
  id: string;
  name: string;
  /** Security groups that the part declares. */
  groups: string[];
  /** Why there may be more groups. */
  groupUnknownReasons: string[];
  raw: R;
}

export type LoadBalancerPart = PartOf<'load-balancer', LoadBalancer>;

export type AutoScalingGroupPart = PartOf<'auto-scaling-group', AutoScalingGroup> & {
  /** Instances of the group, also those that only DescribeInstances lists, by their tag. */
  instanceIds: string[];
  /** Target groups with which its instances are registered, listed as target groups or as traffic sources. */
  targetGroupArns: string[];
  /** Why there may be more target groups. */
  targetUnknownReasons: string[];
  /** Whether the launch template or configuration gives instances a public address. */
  publicAddress: boolean;
};

export type CachePart =
  | (PartOf<'cache', ReplicationGroup> & { flavor: 'replication-group'; clusters: CacheCluster[] })
  | (PartOf<'cache', CacheCluster> & { flavor: 'cluster' })
  | (PartOf<'cache', ServerlessCache> & { flavor: 'serverless' });

export type DatabasePart =
  | (PartOf<'database', DBCluster> & { flavor: 'cluster'; members: DBInstance[] } & Replication)
  | (PartOf<'database', DBInstance> & { flavor: 'instance' } & Replication);

interface Replication {
  /** Read replicas and their replicas. Members of a cluster are not among them. */
  replicas: DBInstance[];
  /** Whether it is a read replica of a database that no answer contains. */
  isReplica: boolean;
}

/**
 * An RDS proxy, which is never selected but is a hop to the database. Each additional endpoint is a ProxyPart of its
 * own.
 */
export type ProxyPart = PartOf<'proxy', DBProxy> & {
  /** The proxy of an additional endpoint; undefined for the proxy itself. */
  endpointOf?: ProxyPart;
  /** Whether it is an endpoint for reads only. */
  readOnly: boolean;
  /** Identifiers of the databases to which it forwards connections. */
  targets: string[];
  /** Why there may be more targets. */
  targetUnknownReasons: string[];
};

export type Part = LoadBalancerPart | AutoScalingGroupPart | CachePart | DatabasePart;

export interface PartsByKind {
  'load-balancer': LoadBalancerPart;
  'auto-scaling-group': AutoScalingGroupPart;
  cache: CachePart;
  database: DatabasePart;
}

export const kindNames: Record<PartKind, string> = {
  'load-balancer': 'load balancer',
  'auto-scaling-group': 'Auto Scaling group',
  cache: 'cache',
  database: 'database',
};

export function describePart(part: { kind: PartKind | 'proxy'; name: string }): string {
  return `${part.kind === 'proxy' ? 'database proxy' : kindNames[part.kind]} ${part.name}`;
}

/**
 * Reads each item. An unreadable item adds an unknown reason to the list. `read` returns undefined for an item that is
 * no part.
 */
export function readEach<T, P>(listed: Answered<T>, read: (raw: T) => P | undefined): Listed<P> {
  const { call, absent } = listed;
  const unknownReasons = [...listed.unknownReasons];
  const items = listed.items.flatMap((raw) => {
    const part = attempt(
      () => read(raw),
      (reason) => unknownReasons.push(reason.includes(call) ? reason : `${call}: ${reason}`),
      call,
    );
    return part === undefined ? [] : [part];
  });
  return { items, unknownReasons, absent };
}

/** Reads the groups of everything in a part. Unreadable groups add an unknown reason, and the others are kept. */
export function readGroups(...reads: (() => string[])[]): {
  groups: string[];
  groupUnknownReasons: string[];
} {
  const groupUnknownReasons: string[] = [];
  const groups = reads.flatMap((read) => attempt(read, (reason) => groupUnknownReasons.push(reason)) ?? []);
  return { groups: [...new Set(groups)], groupUnknownReasons };
}

/**
 * Reads the groups that one member of a part declares. An empty list is unknown: everything in a VPC has a group, so
 * the answer must have lost them. The groups of one member say nothing about another.
 */
export function declaredGroups<T>(
  list: readonly T[] | undefined | null,
  name: string,
  idOf: (item: T) => unknown,
): string[] {
  const what = `security groups of ${name}`;
  const groups = knownList(list, what).map((item) => knownText(idOf(item), `one of the ${what}`));
  if (groups.length === 0) throw new UnknownError(`${what} are not in the answer`);
  return groups;
}

/** Returns the value if it is text. A garbled name or ARN must not remove the part. */
export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
