// Databases: clusters with their members, instances outside any cluster, read replicas with their source, and proxies.
import type { DBCluster, DBInstance, DBProxy, DBProxyEndpoint } from '@aws-sdk/client-rds';
import { type Answers, isMade, type Listed, listAnswers } from '../answers.ts';
import type { Snapshot } from '../snapshot.ts';
import { attempt, knownOrAbsent, knownText, UnknownError } from '../unknown.ts';
import { type DatabasePart, declaredGroups, type ProxyPart, readEach, readGroups, textOr } from './part.ts';

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

/** Leaves out DocumentDB and Neptune, which are other services but appear in RDS's answers. */
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
  // Members have the groups of their cluster, so a member that names no group hides none.
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

/** Returns undefined for a member of a cluster and for a replica whose source is in the answers. */
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

/** The ports on which a database listens. Without an endpoint it is the engine's default port. */
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

/** `elsewhere`: the source is in another region or account, or in no answer. */
type Origin = DBInstance | DBCluster | 'elsewhere';

/** Finds the source of a read replica. A replica is reported with its source and not on its own. */
interface Origins {
  /** Returns the instance itself if it is no replica. Throws an UnknownError where its source can't be known. */
  of(instance: DBInstance): Origin;
  /** Replicas of this database, and their replicas. */
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

/** Finds by identifier or ARN. An ARN of this account and region also matches by the identifier in it. */
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

/** Reads every proxy, followed by each of its additional endpoints as a part with its own groups. */
export function readProxies(answers: Answers): Listed<ProxyPart> {
  const proxies = readEach(listAnswers(answers, 'rds', 'DescribeDBProxies', 'DBProxies'), (raw) =>
    readProxy(answers, raw),
  );
  const endpoints = proxies.items.map((proxy) => readEndpoints(answers, proxy));
  return {
    items: proxies.items.flatMap((proxy, index) => [proxy, ...endpoints[index]!.items]),
    unknownReasons: [...proxies.unknownReasons, ...endpoints.flatMap(({ unknownReasons }) => unknownReasons)],
    absent: proxies.absent,
  };
}

function readProxy(answers: Answers, raw: DBProxy): ProxyPart {
  const name = knownText(raw.DBProxyName, 'the name of a database proxy');
  const attached = readGroups(() => declaredGroups(raw.VpcSecurityGroupIds, name, (id) => id));
  const listed = listAnswers(answers, 'rds', 'DescribeDBProxyTargets', 'Targets', name);
  const targetUnknownReasons = [...listed.unknownReasons];
  const targets = listed.items.flatMap(
    (target) =>
      attempt(
        () => [knownText(target.RdsResourceId ?? target.TrackedClusterId, `a target of proxy ${name}`)],
        (reason) => targetUnknownReasons.push(reason),
      ) ?? [],
  );
  const id = textOr(raw.DBProxyArn, name);
  return { kind: 'proxy', id, name, raw, readOnly: false, targets, targetUnknownReasons, ...attached };
}

function readEndpoints(answers: Answers, proxy: ProxyPart): Listed<ProxyPart> {
  const call = 'DescribeDBProxyEndpoints';
  const listed = listAnswers(answers, 'rds', call, 'DBProxyEndpoints', proxy.name);
  const own = listed.items.filter(({ DBProxyName, IsDefault }) => DBProxyName === proxy.name && !IsDefault);
  const unknownReasons = isMade(answers, `rds.${call}`) ? listed.unknownReasons : [];
  return readEach({ ...listed, items: own, unknownReasons }, (raw) => readEndpoint(proxy, raw));
}

function readEndpoint(proxy: ProxyPart, raw: DBProxyEndpoint): ProxyPart {
  const name = knownText(raw.DBProxyEndpointName, `the name of an endpoint of proxy ${proxy.name}`);
  return {
    ...proxy,
    id: textOr(raw.DBProxyEndpointArn, name),
    name,
    raw: { ...proxy.raw, VpcSubnetIds: raw.VpcSubnetIds, VpcId: raw.VpcId },
    endpointOf: proxy,
    readOnly: raw.TargetRole === 'READ_ONLY',
    ...readGroups(() => declaredGroups(raw.VpcSecurityGroupIds, name, (id) => id)),
  };
}

/** A proxy listens on the default port of its engine family, whatever port its database uses. */
const familyPorts = { MYSQL: 3306, POSTGRESQL: 5432, SQLSERVER: 1433 };
type Family = keyof typeof familyPorts;

const familyOfEngine: [RegExp, Family][] = [
  [/postgres/i, 'POSTGRESQL'],
  [/mysql|mariadb|aurora/i, 'MYSQL'],
  [/sqlserver/i, 'SQLSERVER'],
];

/** Whether the proxy forwards connections to this database; undefined where that can't be known. */
export function servesDatabase(proxy: ProxyPart, database: DatabasePart): boolean | undefined {
  const members = database.flavor === 'cluster' ? database.members : [];
  const names = [database.name, database.id, ...members.map((member) => member.DBInstanceIdentifier)];
  if (proxy.targets.some((target) => names.includes(target))) return true;
  const [own, other] = [familyOf(proxy), familyFor(database)];
  if (proxy.targetUnknownReasons.length === 0 || (own && other && own !== other)) return false;
  return undefined;
}

/**
 * The port for clients of the proxy. Throws an UnknownError where neither proxy nor database has a known engine family.
 */
export function proxyPort(proxy: ProxyPart, database: DatabasePart): number {
  // A proxy only accepts databases of its own family.
  const family = familyOf(proxy) ?? familyFor(database);
  if (family === undefined) throw new UnknownError(`the engine family of proxy ${proxy.name} is not known`);
  return familyPorts[family];
}

function familyOf({ raw }: ProxyPart): Family | undefined {
  const family = String(raw.EngineFamily).toUpperCase();
  return family in familyPorts ? (family as Family) : undefined;
}

function familyFor({ raw }: DatabasePart): Family | undefined {
  return familyOfEngine.find(([pattern]) => pattern.test(String(raw.Engine)))?.[1];
}
