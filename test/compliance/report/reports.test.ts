// The other reports: each contains every finding, escapes text, and never shows an unknown as a pass.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CheckOptions, readSelection } from '../../../ops-scripts/compliance/commands/options.ts';
import {
  compareReports,
  mergeReports,
  parseAccounts,
  reportOfDenied,
} from '../../../ops-scripts/compliance/commands/snapshots.ts';
import { ConfigFault } from '../../../ops-scripts/compliance/config-fault.ts';
import { applyWaivers, parseWaivers } from '../../../ops-scripts/compliance/findings.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { writeReport } from '../../../ops-scripts/compliance/report/write-report.ts';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { junitFaults } from '../support/junit-schema.ts';
import { ocsfFaults, sarifFaults } from '../support/published-schemas.ts';
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
  const waiver = { control: '*', resource: '*', reason: 'until "then" <&>', expires: '2999-01-01' };
  const waivers = parseWaivers(JSON.stringify([waiver]), 'waivers.json');

  test('JUnit has a case for each finding, a failure for each fail and an error for each unknown', () => {
    const xml = writeReport({ report, snapshot }, 'junit', plain);
    const count = (text: string) => xml.split(text).length - 1;
    expect(report.summary.unknown).toBeGreaterThan(0);
    expect(count('<testcase ')).toBe(report.findings.length);
    expect(count('<failure ')).toBe(report.summary.fail);
    expect(count('<error ')).toBe(report.summary.unknown);
    expect(xml).toContain('&lt;AccessDenied &amp; more&gt;');
  });

  test('JUnit is valid by its published XSD, whatever is found, and wrong XML is not', async () => {
    const xml = writeReport({ report, snapshot }, 'junit', plain);
    const waived = applyWaivers(report, waivers, new Date());
    expect(waived.summary.waived).toBeGreaterThan(0);
    const [ours, ofWaived, ofNothing, without, bare] = await Promise.all([
      junitFaults(xml),
      junitFaults(writeReport({ report: waived, snapshot }, 'junit', plain)),
      junitFaults(writeReport({ report: { ...report, findings: [] }, snapshot }, 'junit', plain)),
      junitFaults(xml.replace('classname=', 'class=')),
      junitFaults(xml.replaceAll('&amp;', '&')),
    ]);
    expect([ours, ofWaived, ofNothing]).toEqual([[], [], []]);
    expect(without?.join()).toContain("attribute 'classname' is required");
    expect(bare).not.toEqual([]);
  });

  test('OCSF has an event for each finding and is valid by its published schema, whatever is found', () => {
    const all = judge(snapshot, { mode: 'snapshot', selection: {}, policy: 'all' });
    const [longest] = all.findings.filter(({ fix }) => fix !== undefined);
    longest!.fix = longest!.fix!.repeat(1000);
    const texts = [all, applyWaivers(all, waivers, new Date()), { ...all, findings: [] }].map((each) =>
      writeReport({ report: each, snapshot }, 'ocsf', plain),
    );
    expect(texts.map(ocsfFaults)).toEqual([[], [], []]);
    const events = JSON.parse(texts[0]!) as { compliance: { status: string } }[];
    expect(events.map(({ compliance }) => compliance.status.toLowerCase())).toEqual(
      all.findings.map(({ status }) => status),
    );
    const wrong = [
      ['"type_uid": 200301', '"type_uid": 200302'],
      ['"severity": "High"', '"severity": "Grave"'],
      ['"standards"', '"standard"'],
      ['"version": "1.3.0"', '"version": "1.3"'],
      ['"time":', '"moment":'],
    ].map(([right, odd]) => ocsfFaults(texts[0]!.replaceAll(right!, odd!)));
    expect(wrong.filter((faults) => faults.length === 0)).toEqual([]);
  });

  test('SARIF is valid by its published schema, whatever is found, and a wrong log is not', () => {
    const all = judge(snapshot, { mode: 'snapshot', selection: {}, policy: 'all' });
    const place = { file: 'a folder/ü [1]#.yaml', line: 3 };
    const texts = [all, applyWaivers(all, waivers, new Date()), { ...all, findings: [] }].map((each) =>
      writeReport({ report: each, snapshot, locate: () => place }, 'sarif', plain),
    );
    expect(texts.map(sarifFaults)).toEqual([[], [], []]);
    const wrong = [
      ['"startLine": 3', '"startLine": 0'],
      ['"kind": "review"', '"kind": "unknown"'],
      ['"text"', '"texts"'],
      ['"level": "none"', '"level": "note"'],
    ].map(([right, odd]) => sarifFaults(texts[0]!.replaceAll(right!, odd!)));
    expect(wrong.filter((faults) => faults.length === 0)).toEqual([]);
  });

  test('HTML draws the stack, names every control and lets no answer of AWS be markup', () => {
    const html = writeReport({ report, snapshot }, 'html', plain);
    for (const { control } of report.findings) expect(html).toContain(control);
    expect(html).toContain('<svg');
    expect(html).toContain('&lt;AccessDenied &amp; more&gt;');
    expect(html).not.toContain('<AccessDenied');
  });

  test('the table says what to type, and holds no colour where none is wanted', () => {
    const table = writeReport({ report, snapshot }, 'table', plain);
    expect(table).toContain('aws ec2 revoke-security-group-ingress');
    expect(table).not.toContain(String.fromCharCode(27));
    expect(writeReport({ report, snapshot }, 'table', { color: true, width: 100 })).toContain(
      String.fromCharCode(27),
    );
  });

  test('the table fits a narrow terminal, and its command can still be copied', () => {
    const table = writeReport({ report, snapshot }, 'table', { color: false, width: 80, isTerminal: true });
    const words = (text: string) => text.split(/\s+/).filter((word) => word !== '\\');
    expect(
      table.split('\n').filter((line) => line.length > 80 && / \S/.test(line.trim().replace(/ \\$/, ''))),
    ).toEqual([]);
    expect(table).toMatch(/aws ec2 revoke-security-group-ingress .* \\\n/);
    expect(words(table)).toEqual(
      words(writeReport({ report, snapshot }, 'table', { color: false, width: 80 })),
    );
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

describe('a report of several accounts', () => {
  test.each([
    '["arn:aws:iam::111111111111:role/audit"]',
    '{"accounts":[{"role":"arn:aws:iam::111111111111:role/audit"}]}',
    '# production\narn:aws:iam::111111111111:role/audit\n',
  ])('takes its roles from %s', (text) => {
    const roleArn = 'arn:aws:iam::111111111111:role/audit';
    expect(parseAccounts(text, 'accounts')).toEqual([{ roleArn, account: '111111111111' }]);
  });

  test('asks each region that is named, and refuses what is no role by the name of its file', () => {
    const two = parseAccounts('arn:aws:iam::111111111111:role/a eu-west-1,us-east-1', 'accounts');
    expect(two.map(({ region }) => region)).toEqual(['eu-west-1', 'us-east-1']);
    for (const text of ['[]', '[5]', '["arn:aws:s3:::bucket"]', '{', '{}'])
      expect(() => parseAccounts(text, 'accounts.json')).toThrow(/accounts\.json/);
  });

  test('tells a denied account as unknown beside one that is judged, and whose each finding is', () => {
    const [target] = parseAccounts('arn:aws:iam::222222222222:role/audit eu-west-1', 'accounts');
    const merged = mergeReports([reportOf(soundStack()), reportOfDenied(target!, 'denied', 'chain')]);
    expect(merged.summary).toEqual({ pass: 9, fail: 0, unknown: 9, waived: 0 });
    expect(merged.account).toBe('123456789012, 222222222222');
    expect(merged.findings.at(-1)!.resource).toBe('222222222222/eu-west-1/account');
    const text = writeReport({ report: merged, snapshot: soundStack() }, 'ocsf', plain);
    expect(ocsfFaults(text)).toEqual([]);
    const events = JSON.parse(text) as { cloud: { region: string; account: { uid: string } } }[];
    expect([events[0]!, events.at(-1)!].map(({ cloud }) => [cloud.account.uid, cloud.region])).toEqual([
      ['123456789012', 'eu-west-1'],
      ['222222222222', 'eu-west-1'],
    ]);
    const [nowhere] = parseAccounts('arn:aws:iam::333333333333:role/audit', 'accounts');
    const alone = mergeReports([merged, reportOfDenied(nowhere!, 'denied', 'chain')]);
    expect(alone.region).toBe('eu-west-1');
    expect(alone.findings.at(-1)!.resource).toBe('333333333333/account');
  });
});
