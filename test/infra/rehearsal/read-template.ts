// Reads from the template what a deployment makes of it: the text of a machine's user data, and the rights of its role.
import type { SynthesizedTemplate } from '../../../ops-scripts/infra/synthesize.ts';

export type Values = Record<string, string>;

export interface Statement {
  actions: string[];
  resources: string[];
}

export interface MachineOfTemplate {
  userData: string;
  statements: Statement[];
}

/** @param values by logical id, or `id.attribute` @throws if the template refers to anything else */
export function readMachine(template: SynthesizedTemplate, group: string, values: Values): MachineOfTemplate {
  const [launch] = named(template, `${group}Machine`, 'AWS::EC2::LaunchTemplate');
  const data = launch!['LaunchTemplateData'] as { UserData: { 'Fn::Base64': unknown } };
  const policies = named(template, `${group}Role`, 'AWS::IAM::Policy');
  const statements = policies.flatMap(
    ({ PolicyDocument }) => (PolicyDocument as { Statement: Record<string, unknown>[] }).Statement,
  );
  return {
    userData: resolve(data.UserData['Fn::Base64'], values),
    statements: statements.map(({ Action, Resource }) => ({
      actions: [Action].flat().map(String),
      resources: [Resource].flat().map((one) => resolve(one, values)),
    })),
  };
}

export function isAllowed(statements: Statement[], action: string, resource: string): boolean {
  return statements.some(
    ({ actions, resources }) =>
      actions.includes(action) && resources.some((pattern) => matches(pattern, resource)),
  );
}

/** The logical ids of a type, so that a caller can give values without knowing the hash at the end of an id. */
export function idsOf(template: SynthesizedTemplate, type: string): string[] {
  return Object.keys(template.Resources).filter((id) => template.Resources[id]!.Type === type);
}

function matches(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(text);
}

function named({ Resources }: SynthesizedTemplate, prefix: string, type: string) {
  return Object.entries(Resources)
    .filter(([id, { Type }]) => id.startsWith(prefix) && Type === type)
    .map(([, { Properties }]) => Properties);
}

function resolve(value: unknown, values: Values): string {
  if (typeof value === 'string') return value;
  const [[name, argument] = []] = Object.entries(value as Record<string, unknown>);
  if (name === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map((part) => resolve(part, values)).join(separator);
  }
  const key = name === 'Fn::GetAtt' ? (argument as string[]).join('.') : String(argument);
  const found = name === 'Ref' || name === 'Fn::GetAtt' ? values[key] : undefined;
  if (found === undefined) throw new Error(`Cannot resolve ${JSON.stringify(value)}`);
  return found;
}
