// If any part of a template is unknown, no verdict contradicts a possible value of that part.
import { expect, test } from 'vitest';
import type { Status } from '../../../ops-scripts/compliance/findings.ts';
import { judgeTemplates } from '../../../ops-scripts/compliance/template/judge-templates.ts';
import { parseTemplate } from '../../../ops-scripts/compliance/template/parse-template.ts';
import { TemplateStack } from '../support/template-stack.ts';

type Resources = Record<string, { Type: string; Properties: Record<string, unknown> }>;
type Path = (string | number)[];

const rounds = Number(process.env['COMPLETION_ROUNDS'] ?? 25);
const completionsEach = 4;

/** How a part is made unknown. Some ways keep its original value as a possibility. */
const kinds: [name: string, hide: (original: unknown) => unknown][] = [
  ['a parameter without a value', () => ({ Ref: 'Unset' })],
  ['text with such a parameter', () => ({ 'Fn::Sub': `\${Unset}` })],
  ['a dynamic reference', () => '{{resolve:ssm:/shop/value:1}}'],
  ['a dynamic reference within text', () => ({ 'Fn::Join': ['', ['{{resolve:', 'ssm:/shop/value}}']] })],
  ['an import', () => ({ 'Fn::ImportValue': 'elsewhere' })],
  ['a macro', () => ({ 'Fn::Transform': { Name: 'Make', Parameters: {} } })],
  ['a condition', (original) => ({ 'Fn::If': ['Wanted', original, { Ref: 'Unset' }] })],
  ['a condition for no value', (original) => ({ 'Fn::If': ['Wanted', original, { Ref: 'AWS::NoValue' }] })],
  ['a mapping', () => ({ 'Fn::FindInMap': ['Sizes', { Ref: 'Unset' }, 'of'] })],
  ['an output of a nested stack', () => ({ 'Fn::GetAtt': ['Nested', 'Outputs.It'] })],
  ['a function that there is not', () => ({ 'Fn::Later': 'x' })],
  ['an attribute of a custom resource', () => ({ 'Fn::GetAtt': ['Asked', 'It'] })],
];

const existence: (typeof kinds)[number] = [
  'a condition for being there',
  (original) => ({ ...(original as object), Condition: 'Wanted' }),
];

/** A seeded sequence of numbers from 0 to 1. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, each]) =>
    pathsIn(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  // A function counts as one part, because the parts within it are no values.
  return Object.keys(value).some((key) => key === 'Ref' || key.startsWith('Fn::'))
    ? [path]
    : [path, ...inner];
}

function at(value: unknown, path: Path): unknown {
  return path.reduce((inner, key) => (inner as Record<string | number, unknown>)[key], value);
}

function put(resources: Resources, path: Path, value: unknown): Resources {
  const copy = structuredClone(resources);
  const holder = at(copy, path.slice(0, -1)) as Record<string | number, unknown>;
  holder[path.at(-1)!] = structuredClone(value);
  return copy;
}

function verdicts(resources: Resources): Map<string, Status> {
  const text = JSON.stringify({
    Parameters: { Unset: { Type: 'String' } },
    Conditions: { Wanted: { 'Fn::Equals': [{ Ref: 'Unset' }, 'yes'] } },
    Mappings: { Sizes: { small: { of: 1 } } },
    Resources: {
      ...resources,
      Nested: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'elsewhere' } },
      Asked: { Type: 'Custom::Asked', Properties: {} },
    },
  });
  const options = { parameters: {}, region: 'eu-west-1', account: '123456789012' };
  const { report } = judgeTemplates([parseTemplate(text, 'stack.json')], options, { selection: {} });
  return new Map(report.findings.map(({ control, status }) => [control, status]));
}

/** Possible values: the original, none, a value of the same name elsewhere, or one with another meaning. */
function completionsOf(resources: Resources, path: Path, random: () => number): unknown[] {
  const original = at(resources, path);
  const name = path.findLast((key) => typeof key === 'string');
  const pool = pathsIn(resources)
    .filter((other) => other.findLast((key) => typeof key === 'string') === name)
    .filter((other) => name !== 'Properties' || typeOf(resources, other) === typeOf(resources, path))
    .map((other) => at(resources, other));
  const text = String(original);
  const opposite =
    typeof original === 'boolean'
      ? [!original]
      : /^\d+$/.test(text)
        ? [0, 1, Number(text) + 1, 65_535]
        : text === 'tcp'
          ? ['-1', 'udp']
          : /^[\d.]+\/\d+$/.test(text)
            ? ['0.0.0.0/1', '10.0.0.0/8']
            : [];
  const groups = ['WebGroup', 'AppGroup', 'DataGroup', 'OtherGroup'].map((id) => ({
    'Fn::GetAtt': [id, 'GroupId'],
  }));
  const refersToGroup = JSON.stringify(original)?.includes('GroupId') && !Array.isArray(original);
  const all = [{ Ref: 'AWS::NoValue' }, ...pool, ...opposite, ...(refersToGroup ? groups : [])];
  const picked = Array.from({ length: completionsEach }, () => all[Math.floor(random() * all.length)]);
  return [original, ...picked];
}

function typeOf(resources: Resources, [id]: Path): string | undefined {
  return resources[String(id)]?.Type;
}

/** Mistakes of the template before a part of it is hidden. */
const mistakes: ((stack: TemplateStack) => void)[] = [
  () => undefined,
  () => undefined,
  (stack) => stack.allow('data', { from: 5432, cidr: '0.0.0.0/0' }),
  (stack) => stack.addMachine(['app']),
  (stack) => stack.addMachine(['other']),
  (stack) => stack.cache({ zones: ['a', 'a'] }),
  (stack) => stack.close('app', 3000),
  (stack) => {
    stack.resources['Night'] = {
      Type: 'AWS::AutoScaling::ScheduledAction',
      Properties: { AutoScalingGroupName: { Ref: 'Group' }, MinSize: 2, Recurrence: '0 20 * * *' },
    };
  },
  (stack) => {
    const properties = stack.resources['Group']!.Properties;
    const LaunchTemplateSpecification = properties['LaunchTemplate'];
    delete properties['LaunchTemplate'];
    properties['MixedInstancesPolicy'] = {
      LaunchTemplate: {
        LaunchTemplateSpecification,
        Overrides: [{ InstanceType: 'm5.large', WeightedCapacity: '1' }],
      },
    };
  },
];

test('a part that is not known never makes a verdict that some completion contradicts', () => {
  const random = seeded(Number(process.env['COMPLETION_SEED'] ?? 20261130));
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)]!;
  const wrong: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const stack = new TemplateStack();
    pick(mistakes)(stack);
    const resources = stack.resources as Resources;
    const path = pick(
      pathsIn(resources).filter((each) => each.length === 1 || (each[1] === 'Properties' && each.length > 1)),
    );
    const [kind, hide] = path.length === 1 ? existence : pick(kinds);
    const original = at(resources, path);
    const hidden = verdicts(put(resources, path, hide(original)));
    // The part is either the original or nothing, because the condition has only these two branches.
    const none = path.length === 1 ? undefined : { Ref: 'AWS::NoValue' };
    const values = kind.startsWith('a condition for')
      ? [original, none]
      : completionsOf(resources, path, random);
    for (const value of values) {
      const completed = verdicts(put(resources, path, value));
      for (const [control, status] of hidden) {
        const now = completed.get(control);
        const contradicts = (status === 'pass' && now === 'fail') || (status === 'fail' && now === 'pass');
        if (contradicts)
          wrong.push(
            `${path.join('.')} as ${kind}: ${control} ${status}, but ${now} with ${JSON.stringify(value)}`,
          );
      }
    }
  }
  expect([...new Set(wrong)]).toEqual([]);
});
