// A plan does not tell how an expression combines its references. A verdict that depends on it must say so.
import { expect, it } from 'vitest';
import type { Finding } from '../../../ops-scripts/compliance/findings.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { judgePlan, snapshotFromPlan } from '../../../ops-scripts/compliance/plan/plan.ts';
import { type ModuleDescription, planOf, Reference, ref } from '../support/plan-file.ts';
import { PlanStack } from '../support/plan-stack.ts';

type Resources = ModuleDescription['resources'];
type Path = (string | number)[];
type Change = Record<'after' | 'after_unknown', Record<string, unknown>>;

const rounds = Number(process.env['JOIN_ROUNDS'] ?? 10);

/** A seeded sequence of numbers from 0 to 1. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

function judged(resources: Resources, strict = false): Finding[] {
  return judgePlan(textOf(resources), 'plan.json', { strict }, { selection: {} }).report.findings;
}

/** Judges a plan without the warnings about how sets were read. */
function judgedPlainly(resources: Resources): Finding[] {
  const snapshot = snapshotFromPlan(textOf(resources), 'plan.json');
  return judge(snapshot, { mode: 'plan', selection: {} }).findings;
}

function textOf(resources: Resources): string {
  const more = {
    'aws_security_group.many': [{ vpc_id: ref('aws_vpc.main.id') }, { vpc_id: ref('aws_vpc.main.id') }],
    'aws_security_group.none': [],
    'aws_subnet.many': ['a', 'b'].map((zone) => ({ availability_zone: `eu-west-1${zone}` })),
    'aws_subnet.none': [],
  };
  const description: ModuleDescription = {
    resources: { ...resources, ...more },
    variables: { nothing: null, list: [] },
    modules: {
      made: {
        resources: {
          'aws_security_group.inner': [{ name: 'inner' }],
          'aws_subnet.inner': [{ availability_zone: 'eu-west-1a' }],
        },
        outputs: {
          security_group: ref('aws_security_group.inner[0].id'),
          subnet: ref('aws_subnet.inner[0].id'),
        },
      },
    },
  };
  return JSON.stringify(planOf(description, { variables: { flag: { value: true } } }));
}

/** Every place in a value that refers to resources. */
function placesOf(value: unknown, path: Path = []): Path[] {
  if (value instanceof Reference) return [path];
  if (typeof value !== 'object' || value === null) return [];
  const isSet = Array.isArray(value) && value.length > 0 && value.every((item) => item instanceof Reference);
  if (isSet) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    placesOf(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

function at(value: unknown, path: Path): unknown {
  return path.reduce((inner, key) => (inner as Record<string | number, unknown>)[key], value);
}

function put(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<
    string | number,
    unknown
  >;
  copy[key] = put(copy[key], rest, by);
  return copy;
}

/** The references of `coalesce(a, b)` and similar functions, with counts, conditions and modules among them. */
const joins: ((a: string, b: string, type: string) => string[])[] = [
  (a, b) => [a, b],
  (a, b) => [a, b, 'var.flag'],
  (a, b) => ['var.nothing', a, b],
  (a, b) => [a, 'var.list', b],
  (a, b, type) => [`aws_${type}.none`, a, b],
  (a, _b, type) => [`aws_${type}.many`, a],
  (a, _b, type) => [a, `aws_${type}.many[0].id`],
  (_a, _b, type) => [`aws_${type}.many`],
  (a, _b, type) => [`module.made.${type}`, a],
  (a, b) => [a, b, a],
  (a, b) => [a, b, 'local.wanted'],
];

function resourcesIn(names: string[]): string[] {
  const all = names.flatMap((name) => {
    const many = /^(aws_\w+\.many)$/.exec(name);
    if (many !== null) return [0, 1].map((index) => `${many[1]}[${index}].id`);
    return /^(var|local)\.|\.none$/.test(name) ? [] : [name];
  });
  return [...new Set(all)];
}

function subsetsOf<T>(items: T[]): T[][] {
  return items.reduce<T[][]>((sets, item) => sets.concat(sets.map((set) => [...set, item])), [[]]);
}

const mistakes: ((stack: PlanStack) => void)[] = [
  () => undefined,
  () => undefined,
  (stack) => stack.allow('data', { from: 5432, group: 'other' }),
  (stack) => stack.allow('other', { from: 6379, cidr: '0.0.0.0/0' }),
  (stack) => stack.addMachine(['app']),
  (stack) => stack.addMachine(['other']),
  (stack) => stack.attach('balancer', ['web', 'other']),
  (stack) => stack.close('app', 3000),
];

it('No verdict on a plan depends on how references are combined without saying so', () => {
  const random = seeded(Number(process.env['JOIN_SEED'] ?? 20261130));
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)]!;
  const wrong: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const stack = new PlanStack();
    pick(mistakes)(stack);
    const path = pick(placesOf(stack.resources));
    const original = at(stack.resources, path);
    const [first] = original instanceof Reference ? original.names : (original as Reference[])[0]!.names;
    const type = /^aws_(\w+)\./.exec(first!)![1]!;
    const alike = Object.keys(stack.resources).filter((name) => name.startsWith(`aws_${type}.`));
    const other = `${pick(alike)}.${first!.split('.').at(-1)}`;
    const hasMany = type === 'security_group' || type === 'subnet';
    const names = pick(hasMany ? joins : joins.slice(0, 4))(first!, other, type);
    const unsaid = put(stack.resources, path, ref(...names)) as Resources;
    const joined = judged(unsaid);
    const strict = judged(unsaid, true);
    const choices = resourcesIn(names).map((name) => ref(name));
    // AWS requires two zones for these.
    const fewest = /^aws_(lb|db_subnet_group)\.shop\.subnet/.test(path.join('.')) ? 2 : 0;
    const values =
      original instanceof Reference ? choices : subsetsOf(choices).filter(({ length }) => length >= fewest);
    for (const value of values) {
      const completed = judgedPlainly(put(stack.resources, path, value) as Resources);
      for (const { control, resource, status, warnings } of joined) {
        const now = completed.find((each) => each.control === control && each.resource === resource)?.status;
        const contradicts = (status === 'pass' && now === 'fail') || (status === 'fail' && now === 'pass');
        const isSaid = names.length <= 2 && warnings.some((text) => text.includes('read as lists'));
        const strictly = strict.find((each) => each.control === control && each.resource === resource);
        if (contradicts && (!isSaid || strictly?.status === status))
          wrong.push(
            `${path.join('.')} of ${names.join(', ')}: ${control} ${status}, but ${now} with ${JSON.stringify(value)}`,
          );
      }
    }
  }
  expect([...new Set(wrong)]).toEqual([]);
});

it('Resources side by side in a set are read as a list, with a warning where a verdict depends on it', () => {
  const stack = new PlanStack();
  stack.attach('database', ['data', 'other']);
  const findings = judged(stack.resources);
  const warningOf = (control: string) =>
    findings.find((finding) => finding.control === control)?.warnings.join() ?? '';
  expect(findings.filter(({ status }) => status !== 'pass')).toEqual([]);
  expect(warningOf('asg-multi-az')).toContain('aws_autoscaling_group.shop.vpc_zone_identifier');
  expect(warningOf('database-multi-az')).toBe('');
  // AWS refuses an application load balancer in one zone, so this list must have both subnets.
  expect(warningOf('elb-multi-az')).toBe('');
});

it('A verdict that depends on the choices of two sets has a warning, and is unknown with --strict', () => {
  const stack = new PlanStack();
  // Each of the database's groups lets in one of the instances' groups.
  stack.attach('database', ['data', 'other']);
  stack.attach('group', ['app', 'web']);
  stack.allow('other', { from: 5432, group: 'web' });
  stack.allow('store', { from: 6379, group: 'web' });
  stack.allow('web', { from: 3000, group: 'web' });
  const ways = [false, true].map((strict) => judged(stack.resources, strict));
  const [plain, strictly] = ways.map((findings) =>
    findings.find(({ control }) => control === 'chain-connects'),
  );
  expect([plain!.status, strictly!.status]).toEqual(['pass', 'unknown']);
  expect(plain!.warnings.join()).toContain('--strict');
  expect(strictly!.reason).toContain('may be a list of all or a choice');
});

it('A set is a list if it has as many unknown items as references, and may be a choice otherwise', () => {
  const statusWith = (names: string[], open: number) => {
    const { resources } = new PlanStack();
    resources['aws_subnet.many'] = [
      { availability_zone: 'eu-west-1a' },
      { availability_zone: 'eu-west-1a' },
    ] as never;
    resources['aws_autoscaling_group.shop']!['vpc_zone_identifier'] = ref(...names);
    const plan = planOf({ resources });
    const { change } = (plan['resource_changes'] as { address: string; change: Change }[]).find(
      ({ address }) => address === 'aws_autoscaling_group.shop',
    )!;
    change.after['vpc_zone_identifier'] = Array(open).fill(null);
    change.after_unknown['vpc_zone_identifier'] = Array(open).fill(true);
    const { findings } = judgePlan(JSON.stringify(plan), 'plan.json', {}, { selection: {} }).report;
    const finding = findings.find(({ control }) => control === 'asg-multi-az');
    return [finding?.status, finding?.warnings];
  };
  const two = ['aws_subnet.many[0].id', 'aws_subnet.b.id'];
  expect(statusWith(two, 2)).toEqual(['pass', []]);
  expect(statusWith(two, 1)).toEqual(['unknown', []]);
  expect(statusWith([...two, 'aws_subnet.c.id'], 2)).toEqual(['unknown', []]);
});
