// Databases: clusters with their members, and instances outside any cluster; read replicas belong to their source.
import type { DBInstance } from '@aws-sdk/client-rds';
import { type Answers, type Listed, listAnswers } from '../answers.ts';
import { Doubt, known, knownList, knownOrAbsent, knownText } from '../doubt.ts';
import type { DatabasePart } from './part.ts';
import { readEach, readGroups, textOr } from './read-each.ts';

export function readDatabases(answers: Answers): Listed<DatabasePart> {
  const clusters = listAnswers(answers, 'rds', 'DescribeDBClusters', 'DBClusters');
  const instances = listAnswers(answers, 'rds', 'DescribeDBInstances', 'DBInstances');
  const lists: Listed<DatabasePart>[] = [
    readEach(clusters, (raw): DatabasePart => {
      const name = knownText(raw.DBClusterIdentifier, 'the identifier of a database cluster');
      const ids = (Array.isArray(raw.DBClusterMembers) ? raw.DBClusterMembers : []).map(
        (member) => member.DBInstanceIdentifier,
      );
      const members = instances.items.filter(
        (instance) => instance.DBClusterIdentifier === name || ids.includes(instance.DBInstanceIdentifier),
      );
      const worn = readGroups(() => [
        ...groupsOf(raw.VpcSecurityGroups, name),
        ...members.flatMap((member) => groupsOf(member.VpcSecurityGroups, name)),
      ]);
      return {
        kind: 'database',
        flavor: 'cluster',
        id: textOr(raw.DBClusterArn, name),
        name,
        raw,
        members,
        ...worn,
      };
    }),
    readEach({ ...instances, items: instances.items.filter(isSource) }, (raw): DatabasePart => {
      const name = knownText(raw.DBInstanceIdentifier, 'the identifier of a database instance');
      const replicas = instances.items.filter((other) => replicaSource(other) === name);
      const worn = readGroups(() =>
        [raw, ...replicas].flatMap((each) => groupsOf(each.VpcSecurityGroups, name)),
      );
      return {
        kind: 'database',
        flavor: 'instance',
        id: textOr(raw.DBInstanceArn, name),
        name,
        raw,
        replicas,
        ...worn,
      };
    }),
  ];
  return {
    items: lists.flatMap(({ items }) => items),
    doubts: lists.flatMap(({ doubts, absent }) =>
      absent && lists.some((other) => !other.absent) ? [] : doubts,
    ),
    absent: lists.every(({ absent }) => absent),
  };
}

function isSource(instance: DBInstance): boolean {
  return !instance.DBClusterIdentifier && replicaSource(instance) === undefined;
}

function replicaSource(instance: DBInstance): string | undefined {
  const source = instance.ReadReplicaSourceDBInstanceIdentifier;
  if (source === undefined || source === null || source === '') return undefined;
  // From another region it is an ARN: then the source is not here, and the replica stands for itself.
  return String(source).startsWith('arn:') ? undefined : String(source);
}

function groupsOf(
  memberships: { VpcSecurityGroupId?: string | undefined }[] | undefined,
  name: string,
): string[] {
  return knownList(memberships, `security groups of ${name}`).map((membership) =>
    known(membership.VpcSecurityGroupId, `a security group of ${name}`),
  );
}

/** The ports that a database listens on; its engine's usual port where no endpoint is given. */
export function databasePorts(part: DatabasePart): number[] {
  const ports =
    part.flavor === 'cluster'
      ? [part.raw.Port, ...part.members.map(({ Endpoint }) => Endpoint?.Port)]
      : [part.raw, ...part.replicas].map((each) => each.Endpoint?.Port ?? each.DbInstancePort);
  const given = ports
    .map((port) => knownOrAbsent(port, `the port of ${part.name}`))
    .filter((port) => port !== undefined && port > 0);
  if (given.length > 0) return [...new Set(given)] as number[];
  const engine = String(part.raw.Engine ?? '');
  const usual = Object.entries(usualPorts).find(([name]) => engine.includes(name));
  if (usual === undefined) throw new Doubt(`the port of ${part.name} is not in the answer`);
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
