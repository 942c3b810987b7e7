// The other reports: each tells every finding, what is text stays text, and an unknown is never taken for a pass.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CheckOptions, readSelection } from '../../../ops-scripts/compliance/commands/options.ts';
import { compareReports } from '../../../ops-scripts/compliance/compare.ts';
import { ConfigFault } from '../../../ops-scripts/compliance/config-fault.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { writeReport } from '../../../ops-scripts/compliance/report/write-report.ts';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { parseWaivers } from '../../../ops-scripts/compliance/waivers.ts';
import { fromCidr, soundStack } from '../support/sound-stack.ts';
import { addIngress, deny } from '../support/spoil.ts';

const plain = { color: false, width: 100 };
const reportOf = (snapshot: Snapshot) => judge(snapshot, { mode: 'snapshot', selection: {} });

function faulty(): Snapshot {
  const snapshot = soundStack();
  addIngress(snapshot, 'sg-db', fromCidr(5432, '0.0.0.0/0'));
  deny(snapshot, 'elasticache.DescribeReplicationGroups', '<AccessDenied & more>');
  return snapshot;
}

describe('of an account with a failure and a denied call', () => {
  const snapshot = faulty();
  const report = reportOf(snapshot);

  test('JUnit has a case a finding, a failure for each fail and an error for each unknown', () => {
    const xml = writeReport(report, 'junit', plain, snapshot);
    const count = (text: string) => xml.split(text).length - 1;
    expect(report.summary.unknown).toBeGreaterThan(0);
    expect(count('<testcase ')).toBe(report.findings.length);
    expect(count('<failure ')).toBe(report.summary.fail);
    expect(count('<error ')).toBe(report.summary.unknown);
    expect(xml).toContain('&lt;AccessDenied &amp; more&gt;');
  });

  test('HTML draws the stack, names every control and lets no answer of AWS be markup', () => {
    const html = writeReport(report, 'html', plain, snapshot);
    for (const { control } of report.findings) expect(html).toContain(control);
    expect(html).toContain('<svg');
    expect(html).toContain('&lt;AccessDenied &amp; more&gt;');
    expect(html).not.toContain('<AccessDenied');
  });

  test('the table says what to type, and holds no colour where none is wanted', () => {
    const table = writeReport(report, 'table', plain, snapshot);
    expect(table).toContain('aws ec2 revoke-security-group-ingress');
    expect(table).not.toContain(String.fromCharCode(27));
    expect(writeReport(report, 'table', { color: true, width: 100 }, snapshot)).toContain(
      String.fromCharCode(27),
    );
  });

  test('the table fits a narrow terminal, and its command can still be copied', () => {
    const table = writeReport(report, 'table', { color: false, width: 80, isTerminal: true }, snapshot);
    const words = (text: string) => text.split(/\s+/).filter((word) => word !== '\\');
    expect(
      table.split('\n').filter((line) => line.length > 80 && / \S/.test(line.trim().replace(/ \\$/, ''))),
    ).toEqual([]);
    expect(table).toMatch(/aws ec2 revoke-security-group-ingress .* \\\n/);
    expect(words(table)).toEqual(words(writeReport(report, 'table', { color: false, width: 80 }, snapshot)));
  });

  test('comparing with the sound account tells what changed and why, and with itself nothing', () => {
    expect(compareReports(report, report)).toEqual([]);
    const changes = compareReports(reportOf(soundStack()), report);
    expect(changes).toContainEqual(
      expect.objectContaining({
        control: 'database-only-from-asg',
        before: 'pass',
        after: 'fail',
        why: expect.stringContaining('tcp 5432'),
      }),
    );
  });
});

describe('a config file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'compliance-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const read = (content: unknown, more: Partial<CheckOptions> = {}) => {
    const config = join(folder, 'config.json');
    writeFileSync(config, JSON.stringify(content));
    return readSelection({ config, output: 'table', minZones: 2, failOn: 'fail', ...more });
  };

  test('gives its only selection, or the one that is asked for, and the command line goes before it', () => {
    const two = { shop: { stack: 'shop' }, other: { database: ['orders'] } };
    expect(read({ shop: { stack: 'shop' } })).toEqual({ stack: 'shop' });
    expect(read(two, { selection: 'other' })).toEqual({ database: ['orders'] });
    expect(read(two, { stack: 'third' })).toEqual({ stack: 'third' });
  });

  test.each([
    ['several and none is asked for', { a: { stack: 'a' }, b: { stack: 'b' } }, {}],
    ['not the one that is asked for', { a: { stack: 'a' } }, { selection: 'b' }],
    ['a member that there is not', { a: { loadBalancers: ['x'] } }, {}],
    ['text where a list belongs', { a: { database: 'orders' } }, {}],
  ])('with %s is a fault in one sentence', (_what, content, more) => {
    expect(() => read(content, more)).toThrow(ConfigFault);
  });
});

test.each(['2027-02-30', '2027-13-01', '31.01.2027', '2027-01-31x', 'soon'])(
  'a waiver that expires on %s is refused: there is no such day',
  (expires) => {
    const waivers = [{ control: '*', resource: '*', reason: 'why', expires }];
    expect(() => parseWaivers(JSON.stringify(waivers), 'waivers.json')).toThrow(ConfigFault);
  },
);
