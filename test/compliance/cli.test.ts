// The command as a shell sees it: exit codes, standard output, and one sentence for wrong usage.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { controlIds, hardeningIds, type Report } from '../../ops-scripts/compliance/findings.ts';
import { planOf } from './support/plan-file.ts';
import { PlanStack } from './support/plan-stack.ts';
import { sarifFaults } from './support/published-schemas.ts';
import { fromCidr, soundStack } from './support/sound-stack.ts';
import { addIngress, deny } from './support/spoil.ts';
import { TemplateStack } from './support/template-stack.ts';

interface Ended {
  code: number;
  out: string;
  err: string;
}

const folder = mkdtempSync(join(tmpdir(), 'compliance-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(...words: string[]): Promise<Ended> {
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      ['ops-scripts/main.ts', 'compliance', ...words],
      { timeout: 50_000 },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    ),
  );
}

function write(name: string, content: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const check = (file: string, ...more: string[]) => run('check', 'snapshot', file, ...more);
const inJson = ['--output', 'json'];
const reportOf = ({ out }: Ended) => JSON.parse(out) as Report;

let sound = '';
let open = '';
let denied = '';

beforeAll(() => {
  const opened = soundStack();
  addIngress(opened, 'sg-db', fromCidr(5432, '0.0.0.0/0'));
  const blind = soundStack();
  deny(blind, 'rds.DescribeDBInstances', 'AccessDenied');
  sound = write('sound.json', soundStack());
  open = write('open.json', opened);
  denied = write('denied.json', blind);
});

const waiver = {
  control: 'database-only-from-asg',
  resource: '*:db:orders',
  reason: 'moving to a private subnet',
  expires: '2999-01-31',
};

describe('exit codes', () => {
  test('A check whose controls all pass exits with 0 and shows every control in the table', async () => {
    const { code, out } = await check(sound);
    expect(code).toBe(0);
    for (const id of controlIds) expect(out).toContain(id);
  });

  test('A check of a plan exits with 0 if all pass, 1 if one fails, and 3 with the place of a fault in the file', async () => {
    const plan = write('plan.json', new PlanStack().text());
    const stack = new PlanStack();
    stack.harden({ database: { public: true } });
    const soft = write('soft.json', stack.text());
    const odd = write('odd.json', { format_version: '1.2', resource_changes: [null] });
    const [all, chain, hardening, refused, explained] = await Promise.all([
      run('check', 'plan', plan, '--policy', 'all', ...inJson),
      run('check', 'plan', soft),
      run('check', 'plan', soft, '--policy', 'hardening', '--output', 'sarif'),
      run('check', 'plan', odd),
      run('explain', 'imdsv2-only'),
    ]);
    expect([all.code, chain.code, hardening.code, refused.code]).toEqual([0, 0, 1, 3]);
    const { mode, region, findings } = reportOf(all);
    expect({ mode, region }).toEqual({ mode: 'plan', region: 'eu-west-1' });
    expect(new Set(findings.map(({ control }) => control))).toEqual(
      new Set([...controlIds, ...hardeningIds]),
    );
    expect(hardening.out).toContain('set publicly_accessible of aws_db_instance.shop to false');
    expect(refused.err.trim().split('\n')).toEqual([
      expect.stringMatching(/odd\.json.*resource_changes\[0\]/),
    ]);
    expect(explained.out).toMatch(/FSBP EC2\.8/);
  });

  test('A check with a failure exits with 1, and its JSON has the promised members and no others', async () => {
    const ended = await check(open, ...inJson);
    expect(ended.code).toBe(1);
    const report = reportOf(ended);
    expect(report).toEqual({
      format: 'myclothes-compliance/1',
      mode: 'snapshot',
      account: '123456789012',
      region: 'eu-west-1',
      summary: { pass: 8, fail: 1, unknown: 0, waived: 0 },
      findings: expect.any(Array),
      calls: { made: expect.any(Number), denied: 0 },
    });
    expect(report.findings.map(({ control }) => control).sort()).toEqual([...controlIds].sort());
    const required = ['control', 'reason', 'resource', 'status', 'warnings'];
    for (const finding of report.findings) {
      const members = Object.keys(finding).filter((name) => name !== 'path' && name !== 'fix');
      expect(members.sort()).toEqual(required);
    }
    expect(report.findings.find(({ status }) => status === 'fail')).toMatchObject({
      control: 'database-only-from-asg',
      path: ['internet (0.0.0.0/0)', expect.stringContaining('tcp 5432'), expect.stringContaining('orders')],
      fix: expect.stringContaining('aws ec2 revoke-security-group-ingress'),
    });
  });

  test('A check with a denied call and no failure exits with 2, and with 1 under --fail-on unknown', async () => {
    const [quiet, strict] = await Promise.all([
      check(denied, ...inJson),
      check(denied, '--fail-on', 'unknown'),
    ]);
    expect(quiet.code).toBe(2);
    expect(reportOf(quiet).calls.denied).toBe(1);
    expect(reportOf(quiet).summary.fail).toBe(0);
    expect(strict.code).toBe(1);
  });

  test('A missing file, a file of another kind and an unknown option exit with 3 and print nothing on standard output', async () => {
    const ended = await Promise.all([
      check(join(folder, 'nowhere.json')),
      check(write('other.json', { format: 'another/1' })),
      check(sound, '--no-such-option'),
    ]);
    for (const { code, out, err } of ended) {
      expect(code).toBe(3);
      expect(out).toBe('');
      expect(err).not.toMatch(/^\s+at /m);
    }
    expect(ended[0]!.err).toContain('nowhere.json');
  });
});

describe('access options', () => {
  const access = ['--profile', 'audit', '--region', 'eu-west-1', '--endpoint-url', 'http://127.0.0.1:1'];

  test('Every check accepts the access options, also a check that calls nobody', async () => {
    const template = write('shop.json', new TemplateStack().text());
    const [snapshot, templates, help] = await Promise.all([
      check(sound, ...access),
      run('check', 'template', template, ...access),
      run('check', 'template', '--help'),
    ]);
    expect([snapshot.code, templates.code]).toEqual([0, 0]);
    expect(templates.out).toContain('template 123456789012 eu-west-1');
    for (const name of ['--profile', '--region', '--endpoint-url']) expect(help.out).toContain(name);
  });

  test('An endpoint that is not a URL exits with 3 and one sentence', async () => {
    const live = (url: string) => run('check', 'live', '--region', 'eu-west-1', '--endpoint-url', url);
    for (const { code, out, err } of await Promise.all([live('nonsense'), live('localhost:5000')])) {
      expect(code).toBe(3);
      expect(out).toBe('');
      expect(err.trim().split('\n')).toEqual([expect.stringContaining('is not the URL')]);
    }
  });
});

test('An unexpected error exits with 3 and one sentence, and not as a failed control', async () => {
  const odd = { Resources: { A: { Type: 'T', Properties: { V: { 'Fn::Select': 5 } } } } };
  const { code, out, err } = await run('check', 'template', write('odd.json', odd));
  expect(code).toBe(3);
  expect(out).toBe('');
  expect(err.trim().split('\n')).toEqual([expect.stringContaining('unforeseen fault')]);
});

describe('waivers', () => {
  const waive = (name: string, list: unknown) => check(open, '--waivers', write(name, list), ...inJson);

  test('A valid waiver counts as a pass and says until when and why', async () => {
    const ended = await waive('valid.json', [waiver]);
    expect(ended.code).toBe(0);
    const report = reportOf(ended);
    expect(report.summary).toEqual({ pass: 8, fail: 0, unknown: 0, waived: 1 });
    const { reason } = report.findings.find(({ status }) => status === 'waived')!;
    expect(reason).toContain('2999-01-31: moving to a private subnet');
  });

  test('An expired waiver waives nothing and says so', async () => {
    const ended = await waive('expired.json', [{ ...waiver, expires: '2020-01-31' }]);
    expect(ended.code).toBe(1);
    const failed = reportOf(ended).findings.find(({ status }) => status === 'fail')!;
    expect(failed.warnings.join()).toContain('expired on 2020-01-31');
  });

  test('A waiver without reason or expiry, and a missing file, exit with 3 and say what is wrong', async () => {
    const { reason: _reason, ...unreasoned } = waiver;
    const { expires: _expires, ...endless } = waiver;
    const ended = await Promise.all([
      waive('unreasoned.json', [unreasoned]),
      waive('endless.json', [endless]),
      check(open, '--waivers', join(folder, 'no-waivers.json')),
    ]);
    expect(ended.map(({ code }) => code)).toEqual([3, 3, 3]);
    expect(ended[0]!.err).toContain('it has no reason');
    expect(ended[1]!.err).toContain('it has no expires');
    expect(ended[2]!.err).toContain('no-waivers.json');
  });
});

test('SARIF has the structure of 2.1.0 for failed, passed and waived findings, and every rule index is right', async () => {
  const file = write('for-sarif.json', [waiver]);
  const [plain, waived] = await Promise.all([
    check(open, '--output', 'sarif'),
    check(open, '--output', 'sarif', '--waivers', file),
  ]);
  for (const { out } of [plain, waived]) {
    expect(sarifFaults(out)).toEqual([]);
    const log = JSON.parse(out);
    const [{ tool, results }] = log.runs;
    expect(results).toHaveLength(9);
    for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex].id).toBe(ruleId);
  }
  expect(JSON.parse(waived.out).runs[0].results.some((one: object) => 'suppressions' in one)).toBe(true);
});

test('SARIF of a plan and of a template names the file and line that declare the part', async () => {
  const plan = planOf({
    resources: { 'aws_db_instance.each': { each: { orders: { engine: 'postgres', multi_az: false } } } },
  });
  const planFile = join(folder, 'plan.json');
  writeFileSync(planFile, JSON.stringify(plan, null, 2));
  const templateFile = join(folder, 'stack.yaml');
  writeFileSync(templateFile, 'Resources:\n  Db:\n    Type: AWS::RDS::DBInstance\n');
  const logs = await Promise.all([
    run('check', 'plan', planFile, '--output', 'sarif'),
    run('check', 'template', templateFile, '--output', 'sarif'),
  ]);
  const lines = logs.map(({ out }) => {
    expect(sarifFaults(out)).toEqual([]);
    const log = JSON.parse(out);
    const failed = log.runs[0].results.find(
      ({ ruleId }: { ruleId: string }) => ruleId === 'database-multi-az',
    );
    const { artifactLocation, region } = failed.locations[0].physicalLocation;
    return [artifactLocation.uri, region.startLine];
  });
  const line = JSON.stringify(plan, null, 2)
    .split('\n')
    .findIndex((text) => text.includes('orders'));
  expect(lines).toEqual([
    [`file://${planFile}`, line + 1],
    [`file://${templateFile}`, 2],
  ]);
});

test('list names every control, explain describes one of them, and an unknown one exits with 3', async () => {
  const [list, explain, unknown] = await Promise.all([
    run('list'),
    run('explain', 'chain-connects'),
    run('explain', 'no-such-control'),
  ]);
  expect(list.code).toBe(0);
  expect(
    list.out
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(expect.arrayContaining([...controlIds]));
  expect(explain.code).toBe(0);
  for (const heading of ['Why', 'How it is judged', 'What it does not see', 'How to fix'])
    expect(explain.out).toContain(`${heading}: `);
  expect(unknown.code).toBe(3);
});

test('--help is on standard output with exit 0, and names the options that narrow and shape a check', async () => {
  const [top, snapshot] = await Promise.all([run('--help'), run('check', 'snapshot', '--help')]);
  expect([top.code, snapshot.code]).toEqual([0, 0]);
  for (const name of ['check', 'snapshot', 'explain', 'list', 'iam-policy']) expect(top.out).toContain(name);
  for (const name of ['--stack', '--load-balancer', '--output', '--fail-on', '--waivers', '--min-zones'])
    expect(snapshot.out).toContain(name);
});
