// A proxy listens on the port of its own family, serves only its targets, and can be reached by each of its endpoints.
import type { DBProxyEndpoint } from '@aws-sdk/client-rds';
import { describe, expect, test } from 'vitest';
import { recordCall, type Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { fromCidr, fromGroup, group, networkInterface, soundStack } from '../support/sound-stack.ts';
import { addIngress, answerOf, deny, findingOf, securityGroup } from '../support/spoil.ts';

const onlyFrom = 'database-only-from-asg';
const chain = 'chain-connects';

interface Setting {
  /** The port on which the database listens. */
  port?: number;
  /** The port on which the instances may reach the proxy. */
  openPort?: number;
  /** Whether the database also lets the instances in directly. */
  straight?: boolean;
  into?: object;
  family?: string | undefined;
  targets?: string[];
  endpoints?: DBProxyEndpoint[];
}

/** The sound stack with a proxy `pool` between the instances and the database. */
function withProxy(setting: Setting = {}): Snapshot {
  const { port = 5432, openPort = 5432, straight = false, targets = ['orders'], endpoints = [] } = setting;
  const { into = fromGroup(port, 'sg-pool'), family = 'POSTGRESQL' } = setting;
  const snapshot = soundStack();
  answerOf(snapshot, 'rds', 'DescribeDBInstances').DBInstances![0]!.Endpoint!.Port = port;
  answerOf(snapshot, 'rds', 'DescribeDBProxies').DBProxies = [
    { DBProxyName: 'pool', EngineFamily: family, VpcSecurityGroupIds: ['sg-pool'] },
  ];
  const DBProxyName = 'pool';
  const Targets = targets.map((RdsResourceId) => ({ RdsResourceId }));
  recordCall(snapshot, 'rds', 'DescribeDBProxyTargets', { DBProxyName }, { ok: true, result: { Targets } });
  const result = { DBProxyEndpoints: endpoints.map((each) => ({ DBProxyName, ...each })) };
  recordCall(snapshot, 'rds', 'DescribeDBProxyEndpoints', { DBProxyName }, { ok: true, result });
  answerOf(snapshot, 'ec2', 'DescribeSecurityGroups').SecurityGroups!.push(
    group('sg-pool', [fromGroup(openPort, 'sg-web')]),
    group('sg-readers', [fromGroup(openPort, 'sg-web')]),
  );
  answerOf(snapshot, 'ec2', 'DescribeNetworkInterfaces').NetworkInterfaces!.push(
    networkInterface('eni-pool', 'sg-pool', '10.0.10.40', 'Network interface for DBProxy pool'),
  );
  securityGroup(snapshot, 'sg-db').IpPermissions = straight ? [fromGroup(port, 'sg-web')] : [];
  addIngress(snapshot, 'sg-db', into);
  return snapshot;
}

describe('who reaches the database by a proxy', () => {
  const judged = (setting: Setting) => findingOf(withProxy(setting), onlyFrom);

  test("passes on the database's port from the proxy, and on the proxy's own from the instances", () => {
    expect(judged({}).status).toBe('pass');
    expect(judged({ port: 6000 }).status).toBe('pass');
    expect(judged({ port: 6000, family: undefined }).status).toBe('pass');
  });

  test("fails where the proxy is open on the database's port, which is not its own", () => {
    const finding = judged({ port: 6000, openPort: 6000 });
    expect(finding).toMatchObject({ status: 'fail', reason: expect.stringContaining('than port 5432') });
  });

  test.each([
    ['everything', fromGroup(-1, 'sg-pool', -1, '-1')],
    ['a wider range', fromGroup(5000, 'sg-pool', 6000)],
    ['another port', fromGroup(22, 'sg-pool')],
  ])('fails as excess from the proxy on %s', (_what, into) => {
    const finding = judged({ into });
    expect(finding).toMatchObject({
      status: 'fail',
      reason: expect.stringContaining('opens more to database proxy pool'),
    });
  });

  test('fails where the proxy is open to the world', () => {
    const snapshot = withProxy();
    addIngress(snapshot, 'sg-pool', fromCidr(5432, '0.0.0.0/0'));
    expect(findingOf(snapshot, onlyFrom).status).toBe('fail');
  });

  test('fails where an endpoint of the proxy is open to the world by a group of its own', () => {
    const endpoints = [{ DBProxyEndpointName: 'readers', VpcSecurityGroupIds: ['sg-readers'] }];
    const snapshot = withProxy({ endpoints });
    expect(findingOf(snapshot, onlyFrom).status).toBe('pass');
    addIngress(snapshot, 'sg-readers', fromCidr(5432, '0.0.0.0/0'));
    const finding = findingOf(snapshot, onlyFrom);
    expect(finding.status).toBe('fail');
    expect(finding.path).toEqual(['internet (0.0.0.0/0)', expect.any(String), 'database proxy readers']);
  });

  test('fails as a stranger where the proxy serves another database', () => {
    const finding = judged({ targets: ['reports'], straight: true });
    expect(finding).toMatchObject({
      status: 'fail',
      reason: expect.stringContaining('database proxy pool has security group sg-pool'),
    });
  });

  test.each(['DescribeDBProxyTargets', 'DescribeDBProxyEndpoints'])(
    'is unknown where %s is denied',
    (name) => {
      const snapshot = withProxy();
      deny(snapshot, `rds.${name}({"DBProxyName":"pool"})`);
      const finding = findingOf(snapshot, onlyFrom);
      expect(finding).toMatchObject({ status: 'unknown', reason: expect.stringContaining(name) });
    },
  );
});

describe('the chain', () => {
  const judged = (setting: Setting, change: (snapshot: Snapshot) => void = () => {}) => {
    const snapshot = withProxy(setting);
    change(snapshot);
    return findingOf(snapshot, chain);
  };

  test('passes through a proxy alone, on the port of each', () => {
    const finding = judged({ port: 6000 });
    expect(finding.status).toBe('pass');
    expect(finding.reason).toContain('Auto Scaling group web → database proxy pool port 5432');
    expect(finding.reason).toContain('database proxy pool → database orders port 6000');
  });

  test('fails where the proxy lets the instances in on a port that it does not listen on', () => {
    const finding = judged({ port: 6000, openPort: 6000 });
    expect(finding.status).toBe('fail');
    expect(finding.reason).toContain('database proxy pool port 5432: sg-pool does not let it in');
  });

  test('fails where the database does not let the proxy in', () => {
    const finding = judged({ into: fromGroup(5433, 'sg-pool') });
    expect(finding.status).toBe('fail');
    expect(finding.reason).toContain('database proxy pool → database orders port 5432');
  });

  test('fails where the proxy serves another database', () => {
    expect(judged({ targets: ['reports'] }).status).toBe('fail');
  });

  test('is unknown where it is not known whether the proxy serves the database', () => {
    const change = (snapshot: Snapshot) =>
      deny(snapshot, 'rds.DescribeDBProxyTargets({"DBProxyName":"pool"})');
    expect(judged({}, change).status).toBe('unknown');
    expect(judged({ family: 'MYSQL' }, change).status).toBe('fail');
    expect(judged({ straight: true }, change).status).toBe('pass');
  });

  test('is unknown, not failing, where proxies cannot be read and the straight way is closed', () => {
    const denied = (snapshot: Snapshot) => deny(snapshot, 'rds.DescribeDBProxies');
    expect(judged({}, denied).status).toBe('unknown');
    expect(judged({ straight: true }, denied).status).toBe('pass');
  });

  test('passes straight with a warning of a proxy that nobody reaches', () => {
    const finding = judged({ straight: true, openPort: 22 });
    expect(finding.status).toBe('pass');
    expect(finding.warnings.join()).toContain('database proxy pool port 5432');
  });

  test('passes by an endpoint that writes, and not by one that only reads', () => {
    const endpoint = { DBProxyEndpointName: 'readers', VpcSecurityGroupIds: ['sg-readers'] };
    const close = (snapshot: Snapshot) => {
      securityGroup(snapshot, 'sg-pool').IpPermissions = [];
    };
    expect(judged({ endpoints: [{ ...endpoint, TargetRole: 'READ_WRITE' }] }, close).status).toBe('pass');
    expect(judged({ endpoints: [{ ...endpoint, TargetRole: 'READ_ONLY' }] }, close).status).toBe('fail');
  });
});
