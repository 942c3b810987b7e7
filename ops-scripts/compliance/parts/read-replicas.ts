// Finds the source database of a read replica, which is reported with its source and not on its own.
import type { DBCluster, DBInstance } from '@aws-sdk/client-rds';
import type { Snapshot } from '../snapshot.ts';
import { attempt, knownOrAbsent, UnknownError } from '../unknown.ts';

/** `elsewhere`: in another region or account, or in no answer. */
type Origin = DBInstance | DBCluster | 'elsewhere';

export interface Origins {
  /** The instance itself where it is no replica; an UnknownError where its source can't be known. */
  of(instance: DBInstance): Origin;
  /** Replicas of this database, and replicas of those. */
  replicasOf(source: DBInstance | DBCluster): DBInstance[];
}

export function openOrigins(snapshot: Snapshot, instances: DBInstance[], clusters: DBCluster[]): Origins {
  const instanceNamed = openNames(
    snapshot,
    instances,
    (each) => [each.DBInstanceIdentifier, each.DBInstanceArn],
    'db',
  );
  const clusterNamed = openNames(
    snapshot,
    clusters,
    (each) => [each.DBClusterIdentifier, each.DBClusterArn],
    'cluster',
  );
  const follow = (instance: DBInstance): Origin => {
    let at = instance;
    for (const passed = new Set<DBInstance>(); !passed.has(at); ) {
      passed.add(at);
      const name = at.DBInstanceIdentifier;
      const cluster = knownOrAbsent(at.ReadReplicaSourceDBClusterIdentifier, `the source of ${name}`);
      if (cluster) return clusterNamed(cluster) ?? 'elsewhere';
      const source = knownOrAbsent(at.ReadReplicaSourceDBInstanceIdentifier, `the source of ${name}`);
      if (!source) return at;
      const next = instanceNamed(source);
      if (next === undefined) return 'elsewhere';
      at = next;
    }
    throw new UnknownError(`${instance.DBInstanceIdentifier} is a replica of its own replica`);
  };
  const origins = instances.map((instance) => ({
    instance,
    origin: attempt(
      () => follow(instance),
      () => undefined,
    ),
  }));
  return {
    of: follow,
    replicasOf: (source) =>
      origins.flatMap(({ instance, origin }) => (origin === source && instance !== source ? [instance] : [])),
  };
}

/** Finds by identifier or by ARN; an ARN of this account and region also where the answer gives none. */
function openNames<T>(
  { account, region }: Snapshot,
  items: T[],
  namesOf: (item: T) => (string | undefined)[],
  kind: string,
): (source: string) => T | undefined {
  const byName = new Map(items.flatMap((item) => namesOf(item).map((name) => [name, item] as const)));
  const here = `:rds:${region}:${account}:${kind}:`;
  return (source) =>
    byName.get(source) ??
    (String(source).includes(here) ? byName.get(String(source).split(here)[1]) : undefined);
}
