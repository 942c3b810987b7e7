// Databases: clusters with their members, and instances outside any cluster; read replicas belong to their source.
import type { DBCluster, DBInstance } from '@aws-sdk/client-rds';
import { type Answers, type Listed, listAnswers } from '../answers.ts';
import type { Snapshot } from '../snapshot.ts';
import { attempt, knownOrAbsent, knownText, UnknownError } from '../unknown.ts';
import { type DatabasePart, declaredGroups, readEach, readGroups, textOr } from './part.ts';

export function readDatabases(answers: Answers): Listed<DatabasePart> {
  const clusters = ofRds(listAnswers(answers, 'rds', 'DescribeDBClusters', 'DBClusters'));
  const instances = ofRds(listAnswers(answers, 'rds', 'DescribeDBInstances', 'DBInstances'));
  const origins = openOrigins(answers.snapshot, instances.items, clusters.items);
  const lists: Listed<DatabasePart>[] = [
    readEach(clusters, (raw) => readCluster(raw, instances.items, origins)),
    readEach(instances, (raw) => readInstance(raw, origins)),
  ];
  return {
    items: lists.flatMap(({ items }) => items),
    unknownReasons: lists.flatMap(({ unknownReasons, absent }) =>
      absent && lists.some((other) => !other.absent) ? [] : unknownReasons,
    ),
    absent: lists.every(({ absent }) => absent),
  };
}

/** RDS's answers tell DocumentDB and Neptune too, which are other services. */
function ofRds<Listing extends { items: { Engine?: string | undefined }[] }>(listed: Listing): Listing {
  return {
    ...listed,
    items: listed.items.filter(({ Engine }) => !/^(docdb|neptune)$/i.test(String(Engine))),
  };
}

function readCluster(raw: DBCluster, instances: DBInstance[], origins: Origins): DatabasePart {
  const name = knownText(raw.DBClusterIdentifier, 'the identifier of a database cluster');
  const ids = (Array.isArray(raw.DBClusterMembers) ? raw.DBClusterMembers : []).map(
    (member) => member.DBInstanceIdentifier,
  );
  const members = instances.filter(
    (instance) => instance.DBClusterIdentifier === name || ids.includes(instance.DBInstanceIdentifier),
  );
  const replicas = origins.replicasOf(raw);
  // Members have the groups of their cluster, so a member that declares none is complete.
  const telling = members.filter(({ VpcSecurityGroups: own }) => own && own.length !== 0);
  return {
    kind: 'database',
    flavor: 'cluster',
    id: textOr(raw.DBClusterArn, name),
    name,
    raw,
    members,
    replicas,
    isReplica: Boolean(knownOrAbsent(raw.ReplicationSourceIdentifier, `the source of ${name}`)),
    ...readGroups(...[raw, ...telling, ...replicas].map((each) => () => groupsOf(each, name))),
  };
}

/** Undefined for a member of a cluster and for a replica of a database that is told here. */
function readInstance(raw: DBInstance, origins: Origins): DatabasePart | undefined {
  if (raw.DBClusterIdentifier) return undefined;
  const name = knownText(raw.DBInstanceIdentifier, 'the identifier of a database instance');
  const origin = origins.of(raw);
  if (origin !== raw && origin !== 'elsewhere') return undefined;
  const replicas = origins.replicasOf(raw);
  return {
    kind: 'database',
    flavor: 'instance',
    id: textOr(raw.DBInstanceArn, name),
    name,
    raw,
    replicas,
    isReplica: origin === 'elsewhere',
    ...readGroups(...[raw, ...replicas].map((each) => () => groupsOf(each, name))),
  };
}

function groupsOf(each: DBInstance | DBCluster, name: string): string[] {
  const own = 'DBInstanceIdentifier' in each ? (each.DBInstanceIdentifier ?? name) : name;
  return declaredGroups(each.VpcSecurityGroups, own, (membership) => membership.VpcSecurityGroupId);
}

/** The ports that a database listens on; its engine's usual port where no endpoint is given. */
export function databasePorts(part: DatabasePart): number[] {
  const ports =
    part.flavor === 'cluster'
      ? [part.raw.Port, ...[...part.members, ...part.replicas].map(({ Endpoint }) => Endpoint?.Port)]
      : [part.raw, ...part.replicas].map((each) => each.Endpoint?.Port ?? each.DbInstancePort);
  const given = ports
    .map((port) => knownOrAbsent(port, `the port of ${part.name}`))
    .filter((port) => port !== undefined && port > 0);
  if (given.length > 0) return [...new Set(given)] as number[];
  const engine = String(part.raw.Engine ?? '');
  const usual = Object.entries(usualPorts).find(([name]) => engine.includes(name));
  if (usual === undefined) throw new UnknownError(`the port of ${part.name} is not in the answer`);
  return [usual[1]];
}

const usualPorts = {
  postgres: 5432,
  mysql: 3306,
  mariadb: 3306,
  aurora: 3306,
  oracle: 1521,
  sqlserver: 1433,
  db2: 50_000,
};

/** `elsewhere`: in another region or account, or in no answer. */
type Origin = DBInstance | DBCluster | 'elsewhere';

/** Finds the source of a read replica, which is reported with its source and not on its own. */
interface Origins {
  /** The instance itself where it is no replica; an UnknownError where its source can't be known. */
  of(instance: DBInstance): Origin;
  /** Replicas of this database, and replicas of those. */
  replicasOf(source: DBInstance | DBCluster): DBInstance[];
}

function openOrigins(snapshot: Snapshot, instances: DBInstance[], clusters: DBCluster[]): Origins {
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
