// No control passes on a call without a whole answer: each is denied, throttled, cut, garbled or hung, over the wire.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { callRounds } from '../../../ops-scripts/compliance/collect/call-table.ts';
import { collectSnapshot } from '../../../ops-scripts/compliance/collect/collect.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { AccountStack } from '../support/account-stack.ts';
import { type Fault, startFakeAws } from '../support/fake-aws.ts';

beforeAll(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterAll(() => vi.unstubAllEnvs());

const names = callRounds.flat().map((call) => `${call.client}.${call.command}`);

/** Calls that are only made if a stack is selected by its tag, or for a part that the sound stack lacks. */
const idle = new Set([
  'elbv2.DescribeTags',
  'elasticache.ListTagsForResource',
  'autoscaling.DescribeLaunchConfigurations',
  'ec2.GetManagedPrefixListEntries',
  'rds.DescribeDBProxyTargets',
  'rds.DescribeDBProxyEndpoints',
  'route53.ListResourceRecordSets',
]);

describe.each(names.filter((name) => !idle.has(name)))('%s denied', (name) => {
  it('makes something unknown, names the call, and fails nothing', async () => {
    const report = await judged({ [name]: 'denied' });
    const unknown = report.findings.filter(({ status }) => status === 'unknown');
    expect(report.summary.fail).toBe(0);
    expect(unknown.some(({ reason, warnings }) => [reason, ...warnings].join().includes(name))).toBe(true);
    expect(report.calls.denied).toBeGreaterThan(0);
  });
});

it.each<[Fault]>([['throttled'], ['page-2-missing'], ['garbage'], ['hung']])(
  'is unknown within the deadline when the security groups are %s',
  async (fault) => {
    const startedAt = performance.now();
    const report = await judged({ 'ec2.DescribeSecurityGroups': fault });
    expect(report.summary.fail).toBe(0);
    for (const control of [
      'elb-open-to-web',
      'asg-only-from-elb',
      'cache-only-from-asg',
      'database-only-from-asg',
    ]) {
      const finding = report.findings.find((one) => one.control === control);
      expect(finding).toMatchObject({
        status: 'unknown',
        reason: expect.stringContaining('DescribeSecurityGroups'),
      });
    }
    // The deadline is 1.5 s for each call. The limit is far higher, for slow machines.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  },
);

it('No control passes or fails when every call is denied', async () => {
  const report = await judged(Object.fromEntries(names.map((name) => [name, 'denied' as const])));
  expect(report.summary).toMatchObject({ pass: 0, fail: 0 });
});

async function judged(faults: Record<string, Fault>) {
  await using aws = await startFakeAws(new AccountStack().snapshot(), faults);
  const snapshot = await collectSnapshot({
    region: 'eu-west-1',
    endpointUrl: aws.url,
    maxAttempts: 2,
    callDeadlineMs: 1_500,
  });
  return judge(snapshot, { mode: 'live', selection: {}, policy: 'all' });
}
