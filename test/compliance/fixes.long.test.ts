// Every misconfiguration of the case table in three forms: each fix without a choice is proven.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { fixCommand, type Proof } from '../../ops-scripts/compliance/commands/fix.ts';
import { judge } from '../../ops-scripts/compliance/judge.ts';
import { judgePlan } from '../../ops-scripts/compliance/plan/plan.ts';
import { judgeTemplates } from '../../ops-scripts/compliance/template/judge-templates.ts';
import { parseTemplate } from '../../ops-scripts/compliance/template/parse-template.ts';
import { misconfigured, softened } from './agreement/cases.ts';
import { AccountStack } from './support/account-stack.ts';
import { PlanStack } from './support/plan-stack.ts';
import { TemplateStack } from './support/template-stack.ts';

const folder = mkdtempSync(join(tmpdir(), 'compliance-fixes-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
  process.exitCode = 0;
});

const how = { selection: {}, policy: 'all' } as const;
const given = { parameters: {}, region: 'eu-west-1', account: '123456789012' };

const forms = {
  snapshot: () => new AccountStack(),
  template: () => new TemplateStack(),
  plan: () => new PlanStack(),
};

/** Why a fix may stay unproven: it needs a decision, or it would close a connection that the stack needs. */
const asksForMore =
  /^(it leaves a choice|no fix is known|chain-connects of |what create-(db-snapshot|replication-group|launch-template-version) does)/;

test.each(Object.keys(forms) as (keyof typeof forms)[])(
  'each fix of a %s that leaves no choice is proven',
  async (form) => {
    const wrong: string[] = [];
    let proven = 0;
    for (const { name, change } of [...misconfigured, ...softened]) {
      const stack = forms[form]();
      change(stack);
      const text = 'text' in stack ? stack.text() : JSON.stringify(stack.snapshot());
      for (const { finding, text: shown, why = '' } of await proofsOf(form, text)) {
        if (shown !== undefined) proven += 1;
        else if (!asksForMore.test(why)) wrong.push(`${name}: ${finding.fix}: ${why}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(proven).toBeGreaterThan(110);
  },
);

async function proofsOf(form: keyof typeof forms, text: string): Promise<Proof[]> {
  const [result, file] = [join(folder, 'result.json'), join(folder, 'checked.json')];
  writeFileSync(file, text);
  writeFileSync(result, JSON.stringify(reportOf(form, text)));
  let out = '';
  const log = vi.spyOn(console, 'log').mockImplementation((line) => {
    out += line;
  });
  await fixCommand().parseAsync([result, file, '--simulate', '--json'], { from: 'user' });
  log.mockRestore();
  return JSON.parse(out) as Proof[];
}

function reportOf(form: keyof typeof forms, text: string) {
  if (form === 'snapshot') return judge(JSON.parse(text), { mode: 'snapshot', ...how });
  if (form === 'plan') return judgePlan(text, 'checked.json', { account: given.account }, how).report;
  return judgeTemplates([parseTemplate(text, 'checked.json')], given, how).report;
}
