// Fixes are shown only once they are proven: applied to a copy of what was judged, and judged again.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { fixCommand, type Proof } from '../../ops-scripts/compliance/commands/fix.ts';
import { patchTemplate } from '../../ops-scripts/compliance/fixes/patch-template.ts';
import { unifiedDiff } from '../../ops-scripts/compliance/fixes/unified-diff.ts';
import { judge } from '../../ops-scripts/compliance/judge.ts';
import { judgePlan } from '../../ops-scripts/compliance/plan/plan.ts';
import type { Snapshot } from '../../ops-scripts/compliance/snapshot.ts';
import { judgeTemplates } from '../../ops-scripts/compliance/template/judge-templates.ts';
import { parseTemplate } from '../../ops-scripts/compliance/template/parse-template.ts';
import { ref } from './support/plan-file.ts';
import { PlanStack } from './support/plan-stack.ts';
import { fromCidr, soundStack } from './support/sound-stack.ts';
import { addIngress, answerOf } from './support/spoil.ts';
import type { Stack } from './support/stack.ts';
import { TemplateStack } from './support/template-stack.ts';

const root = mkdtempSync(join(tmpdir(), 'compliance-fix-'));
afterAll(() => {
  rmSync(root, { recursive: true });
  process.exitCode = 0;
});

/** The output of `fix --simulate` for a report beside the file that gave it, and its exit code. */
async function proofsOf(report: object, name: string, content: string): Promise<[Proof[], number]> {
  const folder = mkdtempSync(join(root, 'case-'));
  writeFileSync(join(folder, name), content);
  writeFileSync(join(folder, 'result.json'), JSON.stringify(report));
  let out = '';
  const log = vi.spyOn(console, 'log').mockImplementation((text) => {
    out += text;
  });
  await fixCommand().parseAsync([join(folder, 'result.json'), '--simulate', '--json'], { from: 'user' });
  log.mockRestore();
  return [JSON.parse(out) as Proof[], Number(process.exitCode)];
}

const ofSnapshot = (snapshot: Snapshot) =>
  proofsOf(judge(snapshot, { mode: 'snapshot', selection: {} }), 'account.json', JSON.stringify(snapshot));

describe('of a snapshot', () => {
  test('For each failure of a snapshot, the commands that close it are shown as one types them', async () => {
    const snapshot = soundStack();
    addIngress(snapshot, 'sg-db', fromCidr(5432, '0.0.0.0/0'));
    Object.assign(answerOf(snapshot, 'rds', 'DescribeDBInstances').DBInstances![0]!, { MultiAZ: false });
    Object.assign(answerOf(snapshot, 'autoscaling', 'DescribeAutoScalingGroups').AutoScalingGroups![0]!, {
      MinSize: 1,
    });
    const [proofs, code] = await ofSnapshot(snapshot);
    expect(
      proofs.map(({ finding, text }) => [finding.control, text?.split(' ').slice(0, 3).join(' ')]),
    ).toEqual([
      ['asg-multi-az', 'aws autoscaling update-auto-scaling-group'],
      ['database-multi-az', 'aws rds modify-db-instance'],
      ['database-only-from-asg', 'aws ec2 revoke-security-group-ingress'],
    ]);
    expect(code).toBe(0);
  });

  test('A fix that leaves a choice or makes another control worse is not shown, with the reason', async () => {
    const snapshot = soundStack();
    // The same rule lets in strangers and the instances. Without it nothing connects.
    const groups = answerOf(snapshot, 'ec2', 'DescribeSecurityGroups').SecurityGroups!;
    groups.find(({ GroupId }) => GroupId === 'sg-cache')!.IpPermissions = [fromCidr(6379, '0.0.0.0/0')];
    const [balancer] = answerOf(snapshot, 'elbv2', 'DescribeLoadBalancers').LoadBalancers!;
    balancer!.AvailabilityZones = balancer!.AvailabilityZones!.slice(0, 1);
    const [proofs, code] = await ofSnapshot(snapshot);
    const [elb] = proofs;
    expect(elb!.finding.control).toBe('elb-multi-az');
    expect(elb!.text).toBeUndefined();
    expect(elb!.why).toContain('a choice');
    const cache = proofs.find(({ finding }) => finding.control === 'cache-only-from-asg');
    expect(cache!.text).toBeUndefined();
    expect(cache!.why).toContain('chain-connects');
    expect(code).toBe(1);
  });

  test('No fix is shown for a result that the file beside it does not give', async () => {
    const report = judge(soundStack(), { mode: 'snapshot', selection: {} });
    const other = soundStack();
    addIngress(other, 'sg-db', fromCidr(5432, '0.0.0.0/0'));
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await expect(proofsOf(report, 'account.json', JSON.stringify(other))).rejects.toThrow();
    expect(error.mock.calls.join()).toContain('name what was checked');
    expect(process.exitCode).toBe(3);
    vi.restoreAllMocks();
  });
});

const options = { parameters: {}, region: 'us-east-1', account: '123456789012' };

describe('of a template', () => {
  const stack = () => {
    const wrong = new TemplateStack();
    wrong.allow('data', { from: 5432, cidr: '0.0.0.0/0' });
    wrong.allow('store', { from: 6379, cidr: '0.0.0.0/0' });
    wrong.resize(1);
    wrong.database({ multiAz: false });
    wrong.close('app', 3000);
    return wrong.resources;
  };

  test.each([
    ['JSON', 'shop.json', JSON.stringify({ Resources: stack() }, null, 2)],
    ['JSON on one line', 'shop.json', JSON.stringify({ Resources: stack() })],
    ['YAML', 'shop.yaml', yamlOf(stack())],
  ])('patches of %s close each failure, and leave all else as it was', async (_form, name, text) => {
    const { report } = judgeTemplates([parseTemplate(text, name)], options, { selection: {} });
    const [proofs, code] = await proofsOf(report, name, text);
    const failed = [
      'asg-multi-az',
      'cache-only-from-asg',
      'chain-connects',
      'database-multi-az',
      'database-only-from-asg',
    ];
    expect(proofs.map(({ finding }) => finding.control).sort()).toEqual(failed);
    expect(proofs.filter((proof) => proof.text === undefined)).toEqual([]);
    for (const { text: patch } of proofs)
      expect(patch).toMatch(/^--- a\/.*\n\+\+\+ b\/.*\n@@ -\d+,\d+ \+\d+,\d+ @@\n/);
    expect(code).toBe(0);
  });

  test('A patch of a template replaces a tagged value and removes a rule from a list', () => {
    const before = [
      'Resources:',
      '  Db:',
      '    Properties:',
      '      MultiAZ: !If [Prod, true, false] # by stage',
      '  Group:',
      '    Properties:',
      '      SecurityGroupIngress:',
      '        - { FromPort: 1 }',
      '        - FromPort: 2',
      '          ToPort: 2',
      '',
    ].join('\n');
    const set = patchTemplate(before, 'In the template: set MultiAZ of Db to true');
    expect(unifiedDiff('t', before, set)).toContain('+      MultiAZ: true # by stage');
    const gone = patchTemplate(
      before,
      'In the template: remove the rule Group.SecurityGroupIngress[1] (tcp 2) of Group',
    );
    expect(gone).toBe(before.split('\n').toSpliced(8, 2).join('\n'));
  });
});

/** Weakens every hardening property that a fix can correct without a choice. */
function soften(stack: Stack): void {
  stack.harden({
    database: { public: true, backupDays: 1, isProtected: false, logs: ['audit'], encrypted: false },
    balancer: { isProtected: false, policy: 'ELBSecurityPolicy-2016-08', plain: true },
    cache: { mode: 'preferred' },
    tokens: 'optional',
  });
}

describe('by every policy', () => {
  test('Patches of a template close hardening failures, and say where a part is replaced', async () => {
    const stack = new TemplateStack();
    soften(stack);
    stack.allow('app', { from: 3000, protocol: 'udp', group: 'web' });
    const text = yamlOf(stack.resources);
    const how = { selection: {}, policy: 'all' } as const;
    const { report } = judgeTemplates([parseTemplate(text, 'shop.yaml')], options, how);
    const [proofs] = await proofsOf(report, 'shop.yaml', text);
    expect(proofs.length).toBeGreaterThan(9);
    expect(proofs.filter((proof) => proof.text === undefined)).toEqual([]);
    const encrypted = proofs.find(({ finding }) => finding.control === 'encrypted-at-rest');
    expect(encrypted!.note).toContain('this replaces it');
  });

  test('HCL closes each failure of a plan, in the form of the resource that declares it', async () => {
    const stack = new PlanStack();
    soften(stack);
    stack.allow('data', { from: 5432, cidr: '0.0.0.0/0' });
    stack.allow('store', { from: 6379, cidr: '10.9.0.0/16' });
    stack.allow('app', { from: 0, protocol: '-1', group: 'web' });
    stack.close('store', 6379);
    stack.resize(1);
    stack.database({ multiAz: false });
    stack.resources['aws_security_group_rule.two'] = {
      type: 'ingress',
      security_group_id: ref('aws_security_group.web.id'),
      protocol: 'tcp',
      from_port: 443,
      to_port: 8443,
      cidr_blocks: ['0.0.0.0/0', '192.0.2.0/24'],
    };
    const text = stack.text();
    const { report } = judgePlan(text, 'plan.json', {}, { selection: {}, policy: 'all' });
    const [proofs, code] = await proofsOf(report, 'plan.json', text);
    expect(proofs.length).toBeGreaterThan(12);
    expect(proofs.filter((proof) => proof.text === undefined)).toEqual([]);
    expect(code).toBe(0);
    const of = (control: string) => proofs.find(({ finding }) => finding.control === control)?.text;
    expect(of('asg-multi-az')).toBe('resource "aws_autoscaling_group" "shop" {\n  min_size = 2\n}');
    expect(of('database-only-from-asg')).toContain('# take this out\nresource "aws_');
    expect(of('chain-connects')).toContain('referenced_security_group_id = aws_security_group.app.id');
    // One of two sources is removed after the other, and the rule goes with the last.
    expect(of('elb-open-to-web')).toMatch(/cidr_blocks = \["192\.0\.2\.0\/24"\]\n}\n# take this out\n/);
  });

  test('A fix of a plan changes no other part of the same name', async () => {
    const stack = new PlanStack();
    stack.resize(1);
    stack.cache({ multiAz: false });
    const text = stack.text();
    const { report } = judgePlan(text, 'plan.json', { strict: true }, { selection: {} });
    const [proofs] = await proofsOf(report, 'plan.json', text);
    expect(proofs.map((proof) => proof.text?.split('"')[1])).toEqual([
      'aws_autoscaling_group',
      'aws_elasticache_replication_group',
    ]);
  });
});

/** Writes YAML in block style, as people do. */
function yamlOf(resources: object): string {
  const write = (value: unknown, indent: string): string => {
    if (typeof value !== 'object' || value === null) return ` ${JSON.stringify(value)}\n`;
    if (Array.isArray(value)) return ` ${JSON.stringify(value)}\n`;
    return `\n${Object.entries(value)
      .map(([key, inner]) => `${indent}${key}:${write(inner, `${indent}  `)}`)
      .join('')}`;
  };
  return `# A comment that stays\nResources:${write(resources, '  ')}`;
}
