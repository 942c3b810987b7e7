// Each case is described in four forms: live (over the wire), snapshot, template, plan. Their verdicts must agree.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { collectSnapshot } from '../../../ops-scripts/compliance/collect/collect.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { snapshotFromPlan } from '../../../ops-scripts/compliance/plan/plan.ts';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { parseTemplate } from '../../../ops-scripts/compliance/template/parse-template.ts';
import { snapshotFromParsed } from '../../../ops-scripts/compliance/template/template.ts';
import { AccountStack } from '../support/account-stack.ts';
import { startFakeAws } from '../support/fake-aws.ts';
import { PlanStack } from '../support/plan-stack.ts';
import { TemplateStack } from '../support/template-stack.ts';
import { hardened, misconfigured, softened, sound } from './cases.ts';
import type { Case } from './openings.ts';

type Mode = Parameters<typeof judge>[1]['mode'];

type Verdicts = Record<
  'live' | 'snapshot' | 'template' | 'plan',
  { status?: string | undefined; reasons: string[] }
>;

const judgedCases: { one: Case; verdicts: Verdicts }[] = [];

beforeAll(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterAll(() => {
  vi.unstubAllEnvs();
  console.log(matrixOf().join('\n'));
});

it('The case table has at least 120 wrong and 40 sound cases, each with its own name', () => {
  expect(misconfigured.length + softened.length).toBeGreaterThanOrEqual(120);
  expect(sound.length + hardened.length).toBeGreaterThanOrEqual(40);
  const all = [...misconfigured, ...softened, ...sound, ...hardened];
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
});

describe.each([
  ['misconfigured', misconfigured],
  ['sound', sound],
  ['softened', softened],
  ['hardened', hardened],
])('%s', (_kind, cases) => {
  it.each(cases)('$control says $expected of $name', async (one) => {
    const account = new AccountStack();
    one.change(account);
    const verdicts = {
      live: verdictOf('live', await collected(account.snapshot()), one),
      snapshot: verdictOf('snapshot', account.snapshot(), one),
      template: verdictOf('template', fromTemplate(one), one),
      plan: verdictOf('plan', fromPlan(one), one),
    };
    judgedCases.push({ one, verdicts });
    for (const [mode, { status, reasons }] of Object.entries(verdicts)) {
      expect(status, `${mode}: ${reasons.join('; ')}`).toBe(one.expected);
    }
  });
});

it.each([
  ['snapshot', () => new AccountStack().snapshot()],
  ['template', () => fromTemplate({ change() {} })],
  ['plan', () => fromPlan({ change() {} })],
] as const)('passes the sound stack by every control, told as a %s', (mode, tell) => {
  const report = judge(tell(), { mode, selection: {}, policy: 'all' });
  expect(new Set(report.findings.map(({ control }) => control)).size).toBe(17);
  expect(report.findings.filter(({ status }) => status !== 'pass')).toEqual([]);
});

/** One line for each control: for how many of its cases each form has the right verdict. */
function matrixOf(): string[] {
  const modes = ['live', 'snapshot', 'template', 'plan'] as const;
  const controls = [...new Set(judgedCases.map(({ one }) => one.control))].toSorted();
  const lines = controls.map((control) => {
    const own = judgedCases.filter(({ one }) => one.control === control);
    const wrong = own.filter(({ one }) => one.expected !== 'pass').length;
    const right = modes.map(
      (mode) => own.filter(({ one, verdicts }) => verdicts[mode].status === one.expected).length,
    );
    return [control, `${wrong} wrong, ${own.length - wrong} sound`, ...right].join(' | ');
  });
  return [`case table | of ${judgedCases.length} | ${modes.join(' | ')}`, ...lines];
}

/** The worst status of any part. */
function verdictOf(mode: Mode, snapshot: Snapshot, { control }: Case) {
  const report = judge(snapshot, { mode, selection: {}, policy: 'all' });
  const findings = report.findings.filter((finding) => finding.control === control);
  const statuses = findings.map(({ status }) => status);
  const status = (['fail', 'unknown', 'pass'] as const).find((one) => statuses.includes(one));
  return { status, reasons: findings.map(({ reason }) => reason) };
}

async function collected(snapshot: Snapshot): Promise<Snapshot> {
  await using aws = await startFakeAws(snapshot);
  return await collectSnapshot({ region: 'eu-west-1', endpointUrl: aws.url, maxAttempts: 1 });
}

function fromTemplate(one: Pick<Case, 'change'>): Snapshot {
  const stack = new TemplateStack();
  one.change(stack);
  return snapshotFromParsed([parseTemplate(stack.text(), 'stack.json')], {
    parameters: {},
    region: 'eu-west-1',
    account: '123456789012',
  });
}

function fromPlan(one: Pick<Case, 'change'>): Snapshot {
  const stack = new PlanStack();
  one.change(stack);
  return snapshotFromPlan(stack.text(), 'plan.json');
}
