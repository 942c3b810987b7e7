// Collects from a server with AWS's wire formats. Each call gives its whole answer or its error, within the deadline.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { callRounds, iamPolicy } from '../../../ops-scripts/compliance/collect/call-table.ts';
import { collectSnapshot } from '../../../ops-scripts/compliance/collect/collect.ts';
import { ConfigFault } from '../../../ops-scripts/compliance/config-fault.ts';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { AccountStack } from '../support/account-stack.ts';
import { type Fault, startFakeAws } from '../support/fake-aws.ts';

const account = soundAccount();

beforeAll(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterAll(() => vi.unstubAllEnvs());

describe('collecting', () => {
  it('A collected snapshot has exactly the contents of the account, with all pages merged', async () => {
    const { snapshot } = await collect(account, {});
    expect(Object.keys(snapshot.calls).sort()).toEqual(Object.keys(account.calls).sort());
    expect(listsOf(snapshot)).toEqual(listsOf(account));
    expect(snapshot).toMatchObject({ account: '123456789012', region: 'eu-west-1' });
  });

  it('The collection makes each call of the table, and the policy allows just these', async () => {
    const { asked } = await collect(account, {});
    const actions = new Map(callRounds.flat().map((call) => [`${call.client}.${call.command}`, call.action]));
    const made = [...new Set(asked)].filter((name) => name !== 'sts.GetCallerIdentity');
    expect(made.map((name) => actions.get(name)).sort()).toEqual(iamPolicy().Statement[0]!.Action);
  });

  it.each<[Fault, RegExp]>([
    ['denied', /AccessDenied|UnauthorizedOperation/],
    // Adaptive back-off may last until the deadline.
    ['throttled', /Throttling|TimedOut/],
    ['garbage', /Garbled/],
    ['hung', /TimedOut/],
  ])('keeps a call that is %s as an error of that name', async (fault, name) => {
    const faults = Object.fromEntries(faulty.map((call) => [call, fault]));
    const { snapshot } = await collect(account, faults);
    for (const call of faulty) {
      expect(snapshot.calls[call]).toMatchObject({ ok: false, error: { name: expect.stringMatching(name) } });
    }
  });

  it('A call whose second page is missing fails and names the page', async () => {
    const { snapshot } = await collect(account, { 'ec2.DescribeSecurityGroups': 'page-2-missing' });
    expect(snapshot.calls['ec2.DescribeSecurityGroups']).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('page 2') },
    });
  });

  it('The collection ends at the total deadline, however many calls hang', async () => {
    const names = callRounds.flat().map((call) => `${call.client}.${call.command}`);
    const faults = Object.fromEntries(names.map((name) => [name, 'hung' as const]));
    const { snapshot } = await collect(account, faults, { totalDeadlineMs: 1_000, callDeadlineMs: 60_000 });
    expect(Object.values(snapshot.calls).every((outcome) => !outcome.ok)).toBe(true);
  });

  it('Missing credentials are reported in one sentence', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    const nowhere = await mkdtemp(join(tmpdir(), 'no-aws-'));
    onTestFinished(() => rm(nowhere, { recursive: true }));
    vi.stubEnv('HOME', nowhere);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(nowhere, 'credentials'));
    vi.stubEnv('AWS_CONFIG_FILE', join(nowhere, 'config'));
    await expect(collectSnapshot({ region: 'eu-west-1' })).rejects.toSatisfy(
      (error) => error instanceof ConfigFault && /no credentials/.test(error.message),
    );
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  });
});

/** One call of each protocol and client. */
const faulty = [
  'elbv2.DescribeLoadBalancers',
  'autoscaling.DescribeAutoScalingGroups',
  'elasticache.DescribeReplicationGroups',
  'rds.DescribeDBInstances',
  'ec2.DescribeSubnets',
  'route53.ListHostedZones',
];

async function collect(from: Snapshot, faults: Record<string, Fault>, deadlines = {}) {
  await using aws = await startFakeAws(from, faults);
  const snapshot = await collectSnapshot({
    region: 'eu-west-1',
    endpointUrl: aws.url,
    maxAttempts: 2,
    // Only a hung call has to be waited out. Otherwise a slow machine must not turn an answer into a timeout.
    callDeadlineMs: Object.values(faults).includes('hung') ? 3_000 : 30_000,
    ...deadlines,
  });
  return { snapshot, asked: aws.asked };
}

/** An account that needs every call, with more items than fit into a page. */
function soundAccount(): Snapshot {
  const stack = new AccountStack();
  stack.allow('app', { from: 3000, prefixList: ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'] });
  const snapshot = stack.snapshot();
  snapshot.calls['rds.DescribeDBProxies'] = {
    ok: true,
    result: { DBProxies: [{ DBProxyName: 'pool', VpcSecurityGroupIds: ['sg-pool'] }] },
  };
  snapshot.calls['rds.DescribeDBProxyTargets({"DBProxyName":"pool"})'] = {
    ok: true,
    result: { Targets: ['one', 'two', 'three'].map((RdsResourceId) => ({ RdsResourceId })) },
  };
  snapshot.calls['rds.DescribeDBProxyEndpoints({"DBProxyName":"pool"})'] = {
    ok: true,
    result: { DBProxyEndpoints: [{ DBProxyEndpointName: 'readers', DBProxyName: 'pool' }] },
  };
  const zones = ['Z1', 'Z2', 'Z3'].map((Id) => ({
    Id: `/hostedzone/${Id}`,
    Name: `${Id}.test.`,
    CallerReference: Id,
  }));
  snapshot.calls['route53.ListHostedZones'] = { ok: true, result: { HostedZones: zones } };
  for (const { Id } of zones) {
    const ResourceRecordSets = ['a', 'b', 'c'].map((name) => ({
      Name: `${name}.test.`,
      Type: 'A',
      AliasTarget: {
        HostedZoneId: 'Z',
        DNSName: 'shop-1.eu-west-1.elb.amazonaws.com',
        EvaluateTargetHealth: true,
      },
    }));
    snapshot.calls[`route53.ListResourceRecordSets({"HostedZoneId":"${Id}"})`] = {
      ok: true,
      result: { ResourceRecordSets },
    };
  }
  return snapshot;
}

function listsOf(snapshot: Snapshot) {
  const lists = new Map(callRounds.flat().map((call) => [`${call.client}.${call.command}`, call.list]));
  const entries = Object.entries(snapshot.calls).map(([key, outcome]) => {
    const list = outcome.ok ? outcome.result[lists.get(key.split('(')[0]!)!] : outcome;
    return [key, JSON.parse(JSON.stringify(list))] as const;
  });
  return Object.fromEntries(entries);
}
