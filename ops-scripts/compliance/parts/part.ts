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
  /** Why there may be more groups than these. */
  groupUnknownReasons: string[];
  raw: R;
}

export type LoadBalancerPart = PartOf<'load-balancer', LoadBalancer>;

export type AutoScalingGroupPart = PartOf<'auto-scaling-group', AutoScalingGroup> & {
  /** Instances of the group, those that DescribeInstances knows by its tag included. */
  instanceIds: string[];
  /** Target groups that its instances are registered with, told either as such or as traffic sources. */
  targetGroupArns: string[];
  /** Why there may be more target groups than these. */
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
  /** Read replicas, and replicas of those; members of a cluster are none. */
  replicas: DBInstance[];
  /** A read replica of a database that is not told here. */
  isReplica: boolean;
}

/** An RDS proxy: never selected, but a hop to the database. Each further endpoint is a ProxyPart of its own. */
export type ProxyPart = PartOf<'proxy', DBProxy> & {
  /** The proxy itself for an endpoint beside its own. */
  endpointOf?: ProxyPart;
  /** An endpoint that only reads. */
  readOnly: boolean;
  /** Identifiers of the databases that it hands connections on to. */
  targets: string[];
  /** Why there may be more targets than these. */
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

/** Reads each item; an unreadable one adds an unknown reason to the list, and one that is no part gives undefined. */
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

/** The groups of everything in a part. Unreadable groups add an unknown reason; the others are kept. */
export function readGroups(...reads: (() => string[])[]): {
  groups: string[];
  groupUnknownReasons: string[];
} {
  const groupUnknownReasons: string[] = [];
  const groups = reads.flatMap((read) => attempt(read, (reason) => groupUnknownReasons.push(reason)) ?? []);
  return { groups: [...new Set(groups)], groupUnknownReasons };
}

/**
 * The groups that something of a part declares. None at all is unknown: on AWS nothing in a VPC is without one, so that
 * the answer must have lost them, and those of one member say nothing of another.
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

/** The value where it is text; garbage in a name or an ARN is no reason to lose the part. */
export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
