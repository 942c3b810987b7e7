// Read replicas belong to their source, states in between are unknown, and a proxy may open no more than the database's port.
import type { DBInstance } from '@aws-sdk/client-rds';
import { describe, expect, test } from 'vitest';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { face, fromGroup, group, soundStack } from '../support/sound-stack.ts';
import { addIngress, answerOf, findingOf, findingsOf, statusOf } from '../support/spoil.ts';

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

/** Every database finding must be of the source, and pass. */
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
    expect(named).toMatchObject({ status: 'pass', reason: expect.stringContaining('read replica') });
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
  test('the standby that it has not is unknown', () => {
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

describe('a proxy before the database', () => {
  const behindProxy = (into: object) => {
    const snapshot = soundStack();
    answerOf(snapshot, 'rds', 'DescribeDBProxies').DBProxies = [
      { DBProxyName: 'pool', VpcSecurityGroupIds: ['sg-pool'] },
    ];
    answerOf(snapshot, 'ec2', 'DescribeSecurityGroups').SecurityGroups!.push(
      group('sg-pool', [fromGroup(5432, 'sg-web')]),
    );
    answerOf(snapshot, 'ec2', 'DescribeNetworkInterfaces').NetworkInterfaces!.push(
      face('eni-pool', 'sg-pool', '10.0.10.40', 'Network interface for DBProxy pool'),
    );
    addIngress(snapshot, 'sg-db', into);
    return findingOf(snapshot, 'database-only-from-asg');
  };

  test("passes on the database's port alone", () => {
    expect(behindProxy(fromGroup(5432, 'sg-pool')).status).toBe('pass');
  });

  test.each([
    ['everything', fromGroup(-1, 'sg-pool', -1, '-1')],
    ['a wider range', fromGroup(5000, 'sg-pool', 6000)],
    ['another port', fromGroup(22, 'sg-pool')],
  ])('fails as excess on %s', (_what, rule) => {
    const finding = behindProxy(rule);
    expect(finding.status).toBe('fail');
    expect(finding.reason).toContain('opens more to database proxy pool');
  });
});
