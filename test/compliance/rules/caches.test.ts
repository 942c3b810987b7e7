// Caches of every kind: a change in progress is unknown, and a serverless cache has the ports and subnets of AWS.
import { describe, expect, test } from 'vitest';
import { fromGroup, soundStack } from '../support/sound-stack.ts';
import { answerOf, findingsOf, securityGroup, statusOf } from '../support/spoil.ts';

describe('while a cache is changed', () => {
  test.each([
    ['its state', { Status: 'modifying', MultiAZ: 'disabled', AutomaticFailover: 'disabled' }],
    ['failover', { MultiAZ: 'disabled', AutomaticFailover: 'enabling' }],
  ])('%s tells so, and what is disabled is unknown', (_what, raw) => {
    const snapshot = soundStack();
    Object.assign(answerOf(snapshot, 'elasticache', 'DescribeReplicationGroups').ReplicationGroups![0]!, raw);
    expect(statusOf(snapshot, 'cache-multi-az')).toBe('unknown');
  });

  test('A cache whose snapshot is being taken is judged as usual', () => {
    const snapshot = soundStack();
    Object.assign(answerOf(snapshot, 'elasticache', 'DescribeReplicationGroups').ReplicationGroups![0]!, {
      Status: 'snapshotting',
      MultiAZ: 'disabled',
    });
    expect(statusOf(snapshot, 'cache-multi-az')).toBe('fail');
  });
});

describe('a serverless cache', () => {
  const serverless = (more: object) => {
    const snapshot = soundStack();
    answerOf(snapshot, 'elasticache', 'DescribeReplicationGroups').ReplicationGroups = [];
    answerOf(snapshot, 'elasticache', 'DescribeCacheClusters').CacheClusters = [];
    answerOf(snapshot, 'elasticache', 'DescribeServerlessCaches').ServerlessCaches = [
      {
        ServerlessCacheName: 'carts',
        Status: 'available',
        Engine: 'valkey',
        SecurityGroupIds: ['sg-cache'],
        SubnetIds: ['subnet-private-0', 'subnet-private-1'],
        ...more,
      },
    ];
    return snapshot;
  };

  test('passes', () => {
    expect(findingsOf(serverless({})).filter(({ status }) => status !== 'pass')).toEqual([]);
  });

  test('A serverless cache is unknown without subnets in the answer, and fails in one zone', () => {
    expect(statusOf(serverless({ SubnetIds: undefined }), 'cache-multi-az')).toBe('unknown');
    expect(statusOf(serverless({ SubnetIds: [] }), 'cache-multi-az')).toBe('unknown');
    expect(statusOf(serverless({ SubnetIds: ['subnet-private-0'] }), 'cache-multi-az')).toBe('fail');
  });

  test('A serverless cache of Memcached listens on 11211 if the answer has no endpoint', () => {
    const snapshot = serverless({ Engine: 'memcached' });
    expect(statusOf(snapshot, 'chain-connects')).toBe('fail');
    securityGroup(snapshot, 'sg-cache').IpPermissions = [fromGroup(11_211, 'sg-web')];
    expect(statusOf(snapshot, 'chain-connects')).toBe('pass');
    expect(statusOf(snapshot, 'cache-only-from-asg')).toBe('pass');
  });
});
