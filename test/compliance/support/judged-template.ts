// The sound template with a change, judged; parameter `Unset` has no value, and condition `Wanted` hangs on it.
import type { Finding } from '../../../ops-scripts/compliance/findings.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
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

/** The one finding of a control. */
export function findingOfTemplate(
  control: string,
  change: (resources: Resources) => void,
  outputs = {},
): Finding {
  const found = findingsOfTemplate(change, outputs).filter((finding) => finding.control === control);
  if (found.length !== 1) throw new Error(`${control} has ${found.length} findings`);
  return found[0]!;
}
