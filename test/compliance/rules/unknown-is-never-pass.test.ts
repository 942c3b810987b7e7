// If part of a snapshot is denied, cut, garbled or missing, no control that needs it passes, and nothing crashes.
import { describe, expect, test } from 'vitest';
import { exitCodeOf } from '../../../ops-scripts/compliance/findings.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { soundStack } from '../support/sound-stack.ts';
import { deny, statusOf } from '../support/spoil.ts';

const keys = Object.keys(soundStack().calls);
const byTag = { mode: 'snapshot', selection: { stack: 'shop' } } as const;

test('the stack that is spoilt below passes every control by itself', () => {
  const report = judge(soundStack(), byTag);
  expect(report.findings.filter(({ status }) => status !== 'pass')).toEqual([]);
  expect(report.summary.pass).toBe(9);
});

describe.each(keys)('%s', (key) => {
  const spoil = (change: (snapshot: Snapshot) => void) => {
    const snapshot = soundStack();
    change(snapshot);
    return judge(snapshot, byTag);
  };

  test('denied, throttled or timed out, it leaves something unknown, and the call is named', () => {
    for (const name of [
      'AccessDenied',
      'UnauthorizedOperation',
      'Throttling',
      'TimeoutError',
      'UnknownEndpoint',
    ]) {
      const report = spoil((snapshot) => deny(snapshot, key, name));
      expect(report.summary.fail).toBe(0);
      expect(exitCodeOf(report, 'fail')).toBe(2);
      const command = key.split('(')[0]!;
      expect(
        report.findings.some(({ status, reason }) => status === 'unknown' && reason.includes(command)),
      ).toBe(true);
    }
  });

  test('with pages missing it leaves something unknown', () => {
    const report = spoil((snapshot) => {
      const outcome = snapshot.calls[key]!;
      if (outcome.ok) Object.assign(outcome.result, { NextToken: 'more', IsTruncated: true });
    });
    expect(exitCodeOf(report, 'fail')).toBe(2);
  });

  test('with garbage in every list it neither crashes nor passes all', () => {
    for (const garbage of [null, 'text', [null], [{}], [[]], {}]) {
      const report = spoil((snapshot) => {
        const outcome = snapshot.calls[key]!;
        if (!outcome.ok) return;
        for (const name of Object.keys(outcome.result)) outcome.result[name] = garbage;
      });
      expect(report.findings.length).toBeGreaterThanOrEqual(9);
    }
  });
});

test('an empty snapshot is unknown in every control', () => {
  const report = judge({ ...soundStack(), calls: {} }, { mode: 'snapshot', selection: {} });
  expect(report.summary).toEqual({ pass: 0, fail: 0, unknown: 9, waived: 0 });
});

test.each([
  ['ec2.DescribeSecurityGroups', 'asg-only-from-elb'],
  ['ec2.DescribeNetworkInterfaces', 'database-only-from-asg'],
  ['elbv2.DescribeLoadBalancers', 'elb-open-to-web'],
  ['rds.DescribeDBInstances', 'database-multi-az'],
] as const)('without %s in the snapshot, %s is unknown', (key, control) => {
  const snapshot = soundStack();
  delete snapshot.calls[key];
  expect(statusOf(snapshot, control)).toBe('unknown');
});
