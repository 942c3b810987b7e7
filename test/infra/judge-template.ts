// Judges a synthesized template with the repository's own controls, like `compliance check template`.
import { judge } from '../../ops-scripts/compliance/judge.ts';
import { parseTemplate } from '../../ops-scripts/compliance/template/parse-template.ts';
import { snapshotFromParsed } from '../../ops-scripts/compliance/template/template.ts';
import type { SynthesizedTemplate } from '../../ops-scripts/infra/synthesize.ts';

export function judgeTemplate(template: SynthesizedTemplate, policy: 'chain' | 'all' = 'chain') {
  const parsed = parseTemplate(JSON.stringify(template), 'shop.json');
  const options = { parameters: {}, region: 'eu-west-1', account: '123456789012' };
  return judge(snapshotFromParsed([parsed], options), { mode: 'template', selection: {}, policy });
}

export type Properties = Record<string, unknown>;

/** The properties of the only resource whose logical id begins with the prefix. */
export function propertiesOf(template: SynthesizedTemplate, prefix: string, type: string): Properties {
  const found = Object.entries(template.Resources).filter(
    ([id, resource]) => id.startsWith(prefix) && resource.Type === type,
  );
  if (found.length !== 1) throw new Error(`${found.length} resources of ${type} begin with '${prefix}'`);
  return found[0]![1].Properties;
}

export function allOf(template: SynthesizedTemplate, type: string): Properties[] {
  return Object.values(template.Resources)
    .filter((resource) => resource.Type === type)
    .map(({ Properties }) => Properties);
}
