// Database proxies with their endpoints: the databases that they serve and the port for clients.
import type { DBProxy, DBProxyEndpoint } from '@aws-sdk/client-rds';
import { type Answers, isMade, type Listed, listAnswers } from '../answers.ts';
import { attempt, knownText, UnknownError } from '../unknown.ts';
import { type DatabasePart, declaredGroups, type ProxyPart, readEach, readGroups, textOr } from './part.ts';

/** Every proxy, and after it each endpoint beside its own, as a part with its own groups. */
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

/** A proxy listens on the usual port of its engine family, whatever port its database listens on. */
const familyPorts = { MYSQL: 3306, POSTGRESQL: 5432, SQLSERVER: 1433 };
type Family = keyof typeof familyPorts;

const familyOfEngine: [RegExp, Family][] = [
  [/postgres/i, 'POSTGRESQL'],
  [/mysql|mariadb|aurora/i, 'MYSQL'],
  [/sqlserver/i, 'SQLSERVER'],
];

/** Whether the proxy hands connections on to this database; undefined where that can't be told. */
export function servesDatabase(proxy: ProxyPart, database: DatabasePart): boolean | undefined {
  const members = database.flavor === 'cluster' ? database.members : [];
  const names = [database.name, database.id, ...members.map((member) => member.DBInstanceIdentifier)];
  if (proxy.targets.some((target) => names.includes(target))) return true;
  const [own, other] = [familyOf(proxy), familyFor(database)];
  if (proxy.targetUnknownReasons.length === 0 || (own && other && own !== other)) return false;
  return undefined;
}

/** The port that clients use. Throws an UnknownError where neither proxy nor database has an engine family. */
export function proxyPort(proxy: ProxyPart, database: DatabasePart): number {
  // A proxy takes databases of its own family only.
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
