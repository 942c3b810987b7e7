// Values of a plan that are known only after the apply: found by their references, or unknown.
import { describe, expect, it } from 'vitest';
import { misconfigured, softened } from '../agreement/cases.ts';
import { describeStack, type Json, judgedPlan, notPassed, worst } from '../support/judged-plan.ts';
import { type ModuleDescription, planOf, Reference, ref } from '../support/plan-file.ts';
import { PlanStack } from '../support/plan-stack.ts';

describe('an id that is known only after the apply', () => {
  it('is found through count, for_each, splats and resources chained by for_each', () => {
    const zones = { a: '10.0.0.0/24', b: '10.0.1.0/24' };
    const plan = planOf(
      describeStack((resources) => {
        const vpc_id = ref('aws_vpc.main.id');
        const subnets = Object.entries(zones).map(([zone, cidr_block]) => ({
          vpc_id,
          cidr_block,
          availability_zone: `eu-west-1${zone}`,
        }));
        for (const zone of ['a', 'b', 'c']) delete resources[`aws_subnet.${zone}`];
        Object.assign(resources, {
          'aws_subnet.each': { each: { a: subnets[0], b: subnets[1] } },
          'aws_subnet.numbered': subnets,
        });
        resources['aws_lb.shop']!['subnets'] = ref('aws_subnet.each["a"].id', 'aws_subnet.each["b"].id');
        resources['aws_autoscaling_group.shop']!['vpc_zone_identifier'] = ref('aws_subnet.numbered');
        resources['aws_elasticache_subnet_group.shop']!['subnet_ids'] = ref('aws_subnet.each');
        resources['aws_db_subnet_group.shop']!['subnet_ids'] = [
          ref('aws_subnet.numbered[0].id'),
          ref('aws_subnet.numbered[1].id'),
        ];
        const rule = { type: 'ingress', protocol: 'tcp', from_port: 3000, to_port: 3000 };
        Object.assign(resources, {
          'aws_security_group.bastion': [{ vpc_id }, { vpc_id }],
          'aws_security_group_rule.count': [0, 1].map(() => ({
            ...rule,
            security_group_id: ref('aws_security_group.bastion', 'count.index'),
            source_security_group_id: ref('aws_security_group.web.id'),
          })),
        });
      }),
    );
    expect(notPassed(plan)).toEqual([]);
  });

  it('is found through variables and outputs of modules, and is no other where a module is made twice', () => {
    const { resources } = new PlanStack();
    const groupNames = ['web', 'app', 'store', 'data', 'other'].map((name) => `aws_security_group.${name}`);
    const inNetwork = (name: string) => /^aws_(vpc|subnet|security_group)\./.test(name);
    const take = (which: boolean) =>
      Object.fromEntries(Object.entries(resources).filter(([name]) => inNetwork(name) === which));
    const throughModule = (value: unknown): unknown => {
      if (value instanceof Reference)
        return new Reference(
          value.names.map((name) =>
            inNetwork(name) ? name.replace(/^aws_(\w+)\.(\w+)\.id$/, 'module.network.$1_$2') : name,
          ),
        );
      if (Array.isArray(value)) return value.map(throughModule);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, throughModule(inner)]));
    };
    const outputs = Object.fromEntries(
      [...groupNames, 'aws_vpc.main', 'aws_subnet.a', 'aws_subnet.b'].map((name) => [
        name.replace(/^aws_(\w+)\.(\w+)$/, '$1_$2'),
        ref(`${name}.id`),
      ]),
    );
    const outer = throughModule(take(false)) as ModuleDescription['resources'];
    // The database's group is passed through a variable into a second module.
    const { 'aws_db_instance.shop': database, ...others } = outer as Record<string, Json>;
    const description: ModuleDescription = {
      resources: others,
      modules: {
        network: { resources: take(true), outputs },
        data: {
          inputs: { groups: [ref('module.network.security_group_data')] },
          resources: {
            'aws_db_instance.shop': { ...database, vpc_security_group_ids: ref('var.groups') },
          },
        },
      },
    };
    expect(notPassed(planOf(description))).toEqual([]);
    description.modules!['data']!.inputs = { groups: [ref('local.groups')] };
    expect(worst(judgedPlan(planOf(description)), 'database-only-from-asg')).toBe('unknown');
  });

  it('is unset where a variable of a module is null, and found through `try` of several', () => {
    const { resources } = new PlanStack();
    const { 'aws_db_instance.shop': database, ...others } = resources;
    const { 'aws_security_group.data': group, ...root } = others;
    const description: ModuleDescription = {
      resources: { ...root, 'aws_security_group.data': [], 'aws_security_group.named': [group!] },
      modules: {
        data: {
          variables: { zone: null, port: 5432 },
          inputs: {
            group: ref('aws_security_group.data[0].id', 'aws_security_group.named[0].id'),
          },
          resources: {
            'aws_db_instance.shop': {
              ...database,
              vpc_security_group_ids: [ref('var.group')],
              availability_zone: ref('var.zone'),
              port: ref('var.port'),
            },
          },
        },
      },
    };
    for (const each of Object.values(root)) {
      const of = each['security_group_id'];
      if (of instanceof Reference && of.names[0] === 'aws_security_group.data.id')
        each['security_group_id'] = ref('local.group');
    }
    const moved = Object.entries(root).filter(
      ([, each]) =>
        each['security_group_id'] instanceof Reference &&
        (each['security_group_id'] as Reference).names[0] === 'local.group',
    );
    for (const [name] of moved) delete description.resources[name];
    // If a module sees only one group, a local value in it must be that group.
    description.modules!['rules'] = {
      inputs: { group: ref('aws_security_group.named[0].id'), source: ref('aws_instance.none.id') },
      resources: Object.fromEntries(
        moved.map(([name, each]) => [
          name,
          { ...each, source_security_group_id: undefined, cidr_blocks: ['10.0.0.0/16'] },
        ]),
      ),
    };
    expect(worst(judgedPlan(planOf(description)), 'database-only-from-asg')).toBe('fail');
    expect(worst(judgedPlan(planOf(description)), 'cache-only-from-asg')).toBe('pass');
    expect(worst(judgedPlan(planOf(description)), 'database-multi-az')).toBe('pass');
    description.modules!['rules']!.inputs = { group: ref('local.groups') };
    expect(worst(judgedPlan(planOf(description)), 'cache-only-from-asg')).toBe('unknown');
  });

  it('is unknown beside a variable, which may be preferred to it', () => {
    const subnet = (zone: string) => ({ cidr_block: '10.0.0.0/24', availability_zone: `eu-west-1${zone}` });
    const web = {
      inputs: { subnet: ref('aws_subnet.b.id') },
      variables: { none: [] },
      resources: {
        'aws_subnet.a': subnet('a'),
        'aws_lb.shop': { load_balancer_type: 'application', subnets: ref('aws_subnet.a.id', 'var.subnet') },
      },
    };
    const description: ModuleDescription = { resources: { 'aws_subnet.b': subnet('b') }, modules: { web } };
    expect(worst(judgedPlan(planOf(description)), 'elb-multi-az')).toBe('unknown');
    web.resources['aws_lb.shop'].subnets = ref('aws_subnet.a.id', 'var.none');
    expect(worst(judgedPlan(planOf(description)), 'elb-multi-az')).toBe('fail');
  });

  it('may be of a machine that has one of several groups, which is no pass and no failure', () => {
    const description = describeStack();
    description.modules = {
      bastion: {
        inputs: { group: ref('aws_security_group.app.id') },
        resources: {
          'aws_security_group.own': { vpc_id: 'vpc-0123456789abcdef0' },
          'aws_instance.bastion': {
            vpc_security_group_ids: ref('aws_security_group.own.id', 'var.group'),
          },
        },
      },
    };
    expect(worst(judgedPlan(planOf(description)), 'database-only-from-asg')).toBe('unknown');
    expect(worst(judgedPlan(planOf(description)), 'cache-only-from-asg')).toBe('unknown');
  });

  it.each<[string, Reference]>([
    ['a local value', ref('local.groups')],
    ['a variable without a value', ref('var.groups')],
    ['a data source read during the apply', ref('data.aws_security_group.old.id')],
    [
      'one of two by a condition',
      ref('var.flag', 'aws_security_group.data.id', 'aws_security_group.other.id'),
    ],
    ['a function of nothing', ref()],
    ['a resource that is not in the plan', ref('aws_security_group.gone.id')],
    ['another kind of resource', ref('aws_vpc.main.id')],
    ['the same resource twice, in a way not told', ref('aws_security_group.data', 'aws_security_group.data')],
  ])('is unknown where it hangs on %s', (_what, groups) => {
    const description = describeStack((resources) => {
      resources['aws_db_instance.shop']!['vpc_security_group_ids'] = groups;
    });
    const plan = planOf(description, { variables: { flag: { value: true } } });
    const findings = judgedPlan(plan);
    expect(worst(findings, 'database-only-from-asg')).toBe('unknown');
    expect(findings.filter(({ status }) => status === 'fail')).toEqual([]);
  });
});

function leavesOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null || value instanceof Reference) return [path];
  const own = path.length > 1 ? [path] : [];
  return [
    ...own,
    ...Object.entries(value).flatMap(([key, inner]) =>
      leavesOf(inner, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

function replaced(value: unknown, [step, ...rest]: (string | number)[], by: unknown): unknown {
  if (step === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as Json) }) as Record<
    string | number,
    unknown
  >;
  copy[step] = replaced(copy[step], rest, by);
  return copy;
}

describe('a value that is replaced by one known only after the apply', () => {
  it('fails nothing of the sound plan, whichever it is', () => {
    const { resources } = new PlanStack();
    for (const path of leavesOf(resources)) {
      for (const by of [ref(), ref('local.x'), ref('aws_lb.shop.name')]) {
        const plan = planOf({ resources: replaced(resources, path, by) as ModuleDescription['resources'] });
        const failed = judgedPlan(plan).filter(({ status }) => status === 'fail');
        expect(failed, `${path.join('.')} by ${by.names}`).toEqual([]);
      }
    }
  });

  it('passes no misconfigured plan, whichever of the wrong resource it is', () => {
    const sound = new PlanStack().resources;
    for (const one of [...misconfigured, ...softened].filter(({ expected }) => expected === 'fail')) {
      const stack = new PlanStack();
      one.change(stack);
      const wrong = Object.keys(stack.resources).filter(
        (name) => JSON.stringify(stack.resources[name]) !== JSON.stringify(sound[name]),
      );
      for (const path of leavesOf(stack.resources).filter(([name]) => wrong.includes(String(name)))) {
        const resources = replaced(stack.resources, path, ref()) as ModuleDescription['resources'];
        const status = worst(judgedPlan(planOf({ resources })), one.control);
        expect(status, `${one.name}: ${path.join('.')}`).not.toBe('pass');
      }
    }
  });
});
