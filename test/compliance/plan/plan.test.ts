// The resources after the apply of a plan, and files that are not plans.
import { describe, expect, it } from 'vitest';
import { ConfigFault } from '../../../ops-scripts/compliance/config-fault.ts';
import { snapshotFromPlan } from '../../../ops-scripts/compliance/plan/plan.ts';
import { describeStack, type Json, judgedPlan, notPassed, worst } from '../support/judged-plan.ts';
import { planOf, ref } from '../support/plan-file.ts';
import type { PlanStack } from '../support/plan-stack.ts';

describe('what a plan changes', () => {
  const change = (plan: Json, address: string) =>
    (plan['resource_changes'] as { address: string; change: Json }[]).find(
      (each) => each.address === address,
    )!;
  const openRule = () =>
    planOf(
      describeStack((resources) => {
        resources['aws_vpc_security_group_ingress_rule.open'] = {
          security_group_id: ref('aws_security_group.data.id'),
          ip_protocol: 'tcp',
          from_port: 5432,
          to_port: 5432,
          cidr_ipv4: '0.0.0.0/0',
        };
      }),
    );

  it('is judged as it stands after the apply: what is deleted is gone, what is forgotten stays', () => {
    const address = 'aws_vpc_security_group_ingress_rule.open';
    expect(worst(judgedPlan(openRule()), 'database-only-from-asg')).toBe('fail');
    const [deleted, forgotten, replacing, deposed] = [openRule(), openRule(), openRule(), openRule()];
    const { after } = change(openRule(), address).change;
    change(deleted, address).change = { actions: ['delete'], before: after, after: null };
    const before = { ...(after as Json), security_group_id: 'sg-0123456789abcdef0' };
    const group = change(forgotten, 'aws_security_group.data').change;
    group['after'] = { ...(group['after'] as Json), id: 'sg-0123456789abcdef0' };
    group['after_unknown'] = {};
    change(forgotten, address).change = { actions: ['forget'], before, after: null };
    change(replacing, address).change['actions'] = ['delete', 'create'];
    Object.assign(change(deposed, address), { deposed: 'abc', change: { actions: ['delete'], after: null } });
    expect(worst(judgedPlan(deleted), 'database-only-from-asg')).toBe('pass');
    expect(worst(judgedPlan(forgotten), 'database-only-from-asg')).toBe('fail');
    expect(worst(judgedPlan(replacing), 'database-only-from-asg')).toBe('fail');
    expect(worst(judgedPlan(deposed), 'database-only-from-asg')).toBe('pass');
  });

  it('is found by ids that AWS gave already, as in a plan without changes', () => {
    const plan = JSON.parse(JSON.stringify(planOf(describeStack()))) as Json;
    const ids = new Map<string, string>();
    const entries = plan['resource_changes'] as { address: string; type: string; change: Json }[];
    const configured = (plan['configuration'] as { root_module: { resources: Json[] } }).root_module
      .resources;
    for (const [index, { address }] of entries.entries())
      ids.set(address, `id-${String(index).padStart(9, '0')}`);
    for (const { address, change: one } of entries) {
      const { expressions } = configured.find((each) => each['address'] === address) as { expressions: Json };
      one['actions'] = ['no-op'];
      one['after'] = { ...(known(one['after'], expressions, ids) as Json), id: ids.get(address) };
      one['after_unknown'] = {};
    }
    const template = change(plan, 'aws_launch_template.shop').change['after'] as Json;
    Object.assign(template, { latest_version: 3, default_version: 1 });
    const group = change(plan, 'aws_autoscaling_group.shop').change['after'] as { launch_template: Json[] };
    group.launch_template[0]!['version'] = '3';
    expect(notPassed(plan)).toEqual([]);
    // The plan does not contain an older version of the template.
    group.launch_template[0]!['version'] = '2';
    expect(worst(judgedPlan(plan), 'asg-only-from-elb')).toBe('unknown');
  });

  it('is judged alike where a plan tells less: constants in the configuration, and no word on what is unknown', () => {
    for (const change of [
      () => {},
      (stack: PlanStack) => stack.allow('data', { from: 5432, group: 'data' }),
    ]) {
      const full = planOf(describeStack((_resources, stack) => change(stack)));
      const less = structuredClone(full);
      const configured = (less['configuration'] as { root_module: { resources: Json[] } }).root_module
        .resources;
      for (const { address, change: one } of less['resource_changes'] as {
        address: string;
        change: Json;
      }[]) {
        delete one['after_unknown'];
        const { expressions } = configured.find((each) => each['address'] === address) as {
          expressions: Json;
        };
        for (const [name, expression] of Object.entries(expressions))
          if (typeof expression === 'object' && 'constant_value' in expression!)
            delete (one['after'] as Json)[name];
      }
      const statuses = (plan: object) => judgedPlan(plan).map(({ control, status }) => [control, status]);
      expect(statuses(less)).toEqual(statuses(full));
    }
  });

  it.each([
    ['ended with an error', { errored: true }],
    ['is not complete', { complete: false }],
  ])('passes nothing where the plan %s', (_what, more) => {
    const findings = judgedPlan(planOf(describeStack(), more));
    expect(new Set(findings.map(({ status }) => status))).toEqual(new Set(['unknown']));
  });
});

/** The value after each reference to a resource is replaced by an id. */
function known(value: unknown, expression: unknown, ids: Map<string, string>): unknown {
  const names = (expression as { references?: string[] } | undefined)?.references;
  if (names !== undefined) {
    const found = [...new Set(names.flatMap((name) => ids.get(name) ?? []))];
    return found.length === 1 && !Array.isArray(value) ? found[0] : found;
  }
  if (Array.isArray(expression))
    return expression.map((inner, index) => known((value as unknown[])?.[index], inner, ids));
  if (typeof expression !== 'object' || expression === null || 'constant_value' in expression) return value;
  const lists = /^(subnets|subnet_ids|vpc_zone_identifier|target_group_arns|.*security_group(s|_ids))$/;
  return Object.fromEntries(
    Object.entries(expression).map(([name, inner]) => {
      const found = known((value as Json | undefined)?.[name], inner, ids);
      return [name, lists.test(name) && typeof found === 'string' ? [found] : found];
    }),
  );
}

it.each<[string, string, RegExp]>([
  ['no JSON', '{', /not JSON/],
  ['a list', '[]', /not an object/],
  ['no version', '{}', /'format_version'/],
  ['another version', '{"format_version":"2.0","resource_changes":[]}', /"2\.0"/],
  ['a state', '{"format_version":"1.0","values":{}}', /a state and no plan/],
  ['nothing planned', '{"format_version":"1.0"}', /neither/],
  ['a null among the changes', '{"format_version":"1.0","resource_changes":[null]}', /resource_changes\[0\]/],
  [
    'a change of nothing',
    '{"format_version":"1.0","resource_changes":[{"address":"a.b","type":"a","name":"b","change":null}]}',
    /resource_changes\[0\]\.change/,
  ],
  [
    'a creation without values',
    '{"format_version":"1.0","resource_changes":[{"address":"a.b","type":"a","name":"b","change":{"actions":["create"],"after":null}}]}',
    /resource_changes\[0\]\.change\.after/,
  ],
  [
    'a null among the planned',
    '{"format_version":"1.0","planned_values":{"root_module":{"child_modules":[{"resources":[null]}]}}}',
    /planned_values\.root_module\.child_modules\[0\]\.resources\[0\]/,
  ],
  [
    'a null in the configuration',
    '{"format_version":"1.0","resource_changes":[],"configuration":{"root_module":{"module_calls":{"m":null}}}}',
    /module_calls\.m/,
  ],
])('a file of %s is refused with the place', (_what, text, place) => {
  const read = () => snapshotFromPlan(text, 'plan.json');
  expect(read).toThrow(ConfigFault);
  expect(read).toThrow(place);
});
