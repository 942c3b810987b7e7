// Judges the sound template after a change. Parameter `Unset` has no value, and condition `Wanted` depends on it.
import type { Finding } from '../../../ops-scripts/compliance/findings.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import type { SelectionOptions } from '../../../ops-scripts/compliance/selection/select-stack.ts';
import { judgeTemplates } from '../../../ops-scripts/compliance/template/judge-templates.ts';
import { parseTemplate } from '../../../ops-scripts/compliance/template/parse-template.ts';
import { snapshotFromParsed } from '../../../ops-scripts/compliance/template/template.ts';
import { TemplateStack } from './template-stack.ts';

export type Resources = TemplateStack['resources'];

export const unset = { Ref: 'Unset' };

export function findingsOfTemplate(change: (resources: Resources) => void, Outputs = {}): Finding[] {
  const stack = new TemplateStack();
  change(stack.resources);
  const text = JSON.stringify({
    Parameters: { Unset: { Type: 'String' } },
    Conditions: { Wanted: { 'Fn::Equals': [unset, 'yes'] } },
    Resources: stack.resources,
    Outputs,
  });
  const options = { parameters: {}, region: 'eu-west-1', account: '123456789012' };
  const snapshot = snapshotFromParsed([parseTemplate(text, 'stack.json')], options);
  return judge(snapshot, { mode: 'template', selection: {} }).findings;
}

/** The only finding of a control. */
export function findingOfTemplate(
  control: string,
  change: (resources: Resources) => void,
  outputs = {},
): Finding {
  const found = findingsOfTemplate(change, outputs).filter((finding) => finding.control === control);
  if (found.length !== 1) throw new Error(`${control} has ${found.length} findings`);
  return found[0]!;
}

export type Template = Record<string, unknown> & { Resources: Resources };

/** The verdicts of the sound template after a change, without passes. The selection says what is judged. */
export function verdictsOfTemplate(
  change: (template: Template) => void,
  selection: SelectionOptions = {},
): Record<string, string> {
  const template: Template = {
    Parameters: { Unset: { Type: 'String' } },
    Resources: new TemplateStack().resources,
  };
  change(template);
  const options = { parameters: {}, region: 'eu-west-1', account: '123456789012' };
  const parsed = parseTemplate(JSON.stringify(template), 'stack.json');
  const { findings } = judgeTemplates([parsed], options, { selection }).report;
  return Object.fromEntries(
    findings.filter(({ status }) => status !== 'pass').map(({ control, status }) => [control, status]),
  );
}

/** The name of a change, the change, and the verdicts that do not pass after it. */
export type TemplateCase = [
  what: string,
  change: (template: Template) => void,
  expected: Record<string, string>,
];

export const groupOfInstances = { 'Fn::GetAtt': ['AppGroup', 'GroupId'] };
export const groupOfDatabase = { 'Fn::GetAtt': ['DataGroup', 'GroupId'] };

export const bothStores = (status: string) => ({
  'cache-only-from-asg': status,
  'database-only-from-asg': status,
});

export const add = (Type: string, Properties: Record<string, unknown>) => (template: Template) => {
  template.Resources['Added'] = { Type, Properties };
};

/** The properties of the only resource of a type. */
export function ofType({ Resources }: Template, type: string): Record<string, unknown> {
  return Object.values(Resources).find((resource) => resource.Type === type)!.Properties;
}
