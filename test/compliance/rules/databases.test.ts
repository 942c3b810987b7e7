// Read replicas belong to their source, transitional states are unknown, a cluster spans its instances' zones.
import type { DBInstance } from '@aws-sdk/client-rds';
import { describe, expect, test } from 'vitest';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { soundStack } from '../support/sound-stack.ts';
import { answerOf, findingOf, findingsOf, statusOf } from '../support/spoil.ts';

const arn = (rest: string, region = 'eu-west-1') => `arn:aws:rds:${region}:123456789012:${rest}`;
const groups = [{ VpcSecurityGroupId: 'sg-db', Status: 'active' }];

function add(snapshot: Snapshot, name: string, more: DBInstance): void {
  answerOf(snapshot, 'rds', 'DescribeDBInstances').DBInstances!.push({
    DBInstanceIdentifier: name,
    DBInstanceArn: arn(`db:${name}`),
    DBInstanceStatus: 'available',
    Engine: 'postgres',
    MultiAZ: false,
    VpcSecurityGroups: groups,
    ...more,
  });
}

/** Every database finding must be about the source and pass. */
function expectNoted(snapshot: Snapshot, source = 'orders'): void {
  const findings = findingsOf(snapshot);
  expect(findings.filter(({ status }) => status !== 'pass')).toEqual([]);
  const zones = findings.filter(({ control }) => control === 'database-multi-az');
  expect(zones.map(({ resource }) => resource.split(':').at(-1))).toEqual([source]);
}

describe('a read replica without Multi-AZ is noted', () => {
  test.each([
    ['by name', 'orders'],
    ['by ARN', arn('db:orders')],
  ])('%s', (_how, source) => {
    const snapshot = soundStack();
    add(snapshot, 'replica', { ReadReplicaSourceDBInstanceIdentifier: source });
    expectNoted(snapshot);
    expect(findingOf(snapshot, 'database-multi-az').reason).toContain('1 read replica noted');
  });

  test('of a replica', () => {
    const snapshot = soundStack();
    add(snapshot, 'second', { ReadReplicaSourceDBInstanceIdentifier: 'first' });
    add(snapshot, 'first', { ReadReplicaSourceDBInstanceIdentifier: arn('db:orders') });
    expectNoted(snapshot);
    expect(findingOf(snapshot, 'database-multi-az').reason).toContain('2 read replicas noted');
  });

  test('of another region, and makes no selection ambiguous', () => {
    const snapshot = soundStack();
    add(snapshot, 'copy', { ReadReplicaSourceDBInstanceIdentifier: arn('db:orders', 'us-east-1') });
    expectNoted(snapshot);
    const named = findingOf(snapshot, 'database-multi-az', { database: ['copy'] });
    expect(named).toMatchObject({ status: 'unknown', reason: expect.stringContaining('read replica') });
  });

  test.each([
    ['by name', 'ledger'],
    ['by ARN', arn('cluster:ledger')],
  ])('of a cluster, %s, and counts for none of its zones', (_how, source) => {
    const snapshot = soundStack();
    const instances = answerOf(snapshot, 'rds', 'DescribeDBInstances');
    instances.DBInstances = [];
    answerOf(snapshot, 'rds', 'DescribeDBClusters').DBClusters = [
      {
        DBClusterIdentifier: 'ledger',
        DBClusterArn: arn('cluster:ledger'),
        Status: 'available',
        Engine: 'postgres',
        VpcSecurityGroups: groups,
      },
    ];
    const member = { DBClusterIdentifier: 'ledger', AvailabilityZone: 'eu-west-1a' };
    add(snapshot, 'one', member);
    add(snapshot, 'replica', {
      AvailabilityZone: 'eu-west-1b',
      ReadReplicaSourceDBClusterIdentifier: source,
    });
    expect(findingOf(snapshot, 'database-multi-az').status).toBe('fail');
    add(snapshot, 'two', { ...member, AvailabilityZone: 'eu-west-1b' });
    expectNoted(snapshot, 'ledger');
  });
});

describe('while a database is changed', () => {
  test('A missing standby is unknown while the database is being changed', () => {
    const judged = (state: string) => {
      const snapshot = soundStack();
      Object.assign(answerOf(snapshot, 'rds', 'DescribeDBInstances').DBInstances![0]!, {
        DBInstanceStatus: state,
        MultiAZ: false,
      });
      return statusOf(snapshot, 'database-multi-az');
    };
    expect(judged('modifying')).toBe('unknown');
    expect(judged('creating')).toBe('unknown');
    expect(judged('available')).toBe('fail');
    expect(judged('backing-up')).toBe('fail');
  });
});

describe('a cluster', () => {
  const ledger = (more: object, ...zones: string[]) => {
    const snapshot = soundStack();
    answerOf(snapshot, 'rds', 'DescribeDBInstances').DBInstances = [];
    answerOf(snapshot, 'rds', 'DescribeDBClusters').DBClusters = [
      {
        DBClusterIdentifier: 'ledger',
        Status: 'available',
        Engine: 'aurora-postgresql',
        Port: 5432,
        VpcSecurityGroups: groups,
        DBClusterMembers: zones.map((zone) => ({ DBInstanceIdentifier: `ledger-${zone}` })),
        ...more,
      },
    ];
    for (const zone of zones)
      add(snapshot, `ledger-${zone}`, {
        DBClusterIdentifier: 'ledger',
        AvailabilityZone: `eu-west-1${zone}`,
      });
    return snapshot;
  };
  const judged = (snapshot: Snapshot) => findingOf(snapshot, 'database-multi-az');

  test('without instances fails, as nothing serves what its storage keeps', () => {
    expect(judged(ledger({}))).toMatchObject({
      status: 'fail',
      reason: expect.stringContaining('no instance'),
    });
    expect(judged(ledger({}, 'a')).reason).toContain('1 members in eu-west-1a only');
    expect(judged(ledger({}, 'a', 'b')).status).toBe('pass');
  });

  test('of Aurora Serverless v1 fails, as it has one instance in one zone', () => {
    const finding = judged(ledger({ EngineMode: 'serverless' }));
    expect(finding).toMatchObject({ status: 'fail', reason: expect.stringContaining('Serverless v1') });
  });

  test('with a member that is not told passes by two others in two zones, and is unknown by one', () => {
    const DBClusterMembers = ['a', 'b', 'lost'].map((name) => ({ DBInstanceIdentifier: `ledger-${name}` }));
    expect(judged(ledger({ DBClusterMembers }, 'a', 'b')).status).toBe('pass');
    expect(judged(ledger({ DBClusterMembers }, 'a')).status).toBe('unknown');
  });
});
