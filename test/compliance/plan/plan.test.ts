// Terraform plans: references, modules, what is deleted or only forgotten, resources beside the stack, odd files.
import { describe, expect, it } from 'vitest';
import { ConfigFault } from '../../../ops-scripts/compliance/config-fault.ts';
import type { Finding } from '../../../ops-scripts/compliance/findings.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { snapshotFromPlan } from '../../../ops-scripts/compliance/plan/plan.ts';
import { misconfigured, softened } from '../agreement/cases.ts';
import { type ModuleDescription, planOf, Reference, ref } from '../support/plan-file.ts';
import { PlanStack } from '../support/plan-stack.ts';

type Json = Record<string, unknown>;

function judged(plan: object): Finding[] {
  const snapshot = snapshotFromPlan(JSON.stringify(plan), 'plan.json');
  return judge(snapshot, { mode: 'plan', selection: {}, policy: 'all' }).findings;
}

function describeStack(change: (resources: PlanStack['resources'], stack: PlanStack) => void = () => {}) {
  const stack = new PlanStack();
  change(stack.resources, stack);
  return stack.describe();
}

function worst(findings: Finding[], control: string) {
  const own = findings.filter((finding) => finding.control === control);
  const status = (['fail', 'unknown', 'pass'] as const).find((each) =>
    own.some((finding) => finding.status === each),
  );
  return `${status}`;
}

const notPassed = (plan: object) =>
  judged(plan)
    .filter(({ status }) => status !== 'pass')
    .map(({ control, status, reason }) => `${control} ${status}: ${reason}`);

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
    // The database's group goes through a variable into a second module.
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
    expect(worst(judged(planOf(description)), 'database-only-from-asg')).toBe('unknown');
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
    // A local value of a module that sees one group only is that group.
    description.modules!['rules'] = {
      inputs: { group: ref('aws_security_group.named[0].id'), source: ref('aws_instance.none.id') },
      resources: Object.fromEntries(
        moved.map(([name, each]) => [
          name,
          { ...each, source_security_group_id: undefined, cidr_blocks: ['10.0.0.0/16'] },
        ]),
      ),
    };
    expect(worst(judged(planOf(description)), 'database-only-from-asg')).toBe('fail');
    expect(worst(judged(planOf(description)), 'cache-only-from-asg')).toBe('pass');
    expect(worst(judged(planOf(description)), 'database-multi-az')).toBe('pass');
    description.modules!['rules']!.inputs = { group: ref('local.groups') };
    expect(worst(judged(planOf(description)), 'cache-only-from-asg')).toBe('unknown');
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
    expect(worst(judged(planOf(description)), 'elb-multi-az')).toBe('unknown');
    web.resources['aws_lb.shop'].subnets = ref('aws_subnet.a.id', 'var.none');
    expect(worst(judged(planOf(description)), 'elb-multi-az')).toBe('fail');
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
    expect(worst(judged(planOf(description)), 'database-only-from-asg')).toBe('unknown');
    expect(worst(judged(planOf(description)), 'cache-only-from-asg')).toBe('unknown');
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
    const findings = judged(plan);
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
        const failed = judged(plan).filter(({ status }) => status === 'fail');
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
        const status = worst(judged(planOf({ resources })), one.control);
        expect(status, `${one.name}: ${path.join('.')}`).not.toBe('pass');
      }
    }
  });
});

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
    expect(worst(judged(openRule()), 'database-only-from-asg')).toBe('fail');
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
    expect(worst(judged(deleted), 'database-only-from-asg')).toBe('pass');
    expect(worst(judged(forgotten), 'database-only-from-asg')).toBe('fail');
    expect(worst(judged(replacing), 'database-only-from-asg')).toBe('fail');
    expect(worst(judged(deposed), 'database-only-from-asg')).toBe('pass');
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
    // An older version of the template is not in the plan.
    group.launch_template[0]!['version'] = '2';
    expect(worst(judged(plan), 'asg-only-from-elb')).toBe('unknown');
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
      const statuses = (plan: object) => judged(plan).map(({ control, status }) => [control, status]);
      expect(statuses(less)).toEqual(statuses(full));
    }
  });

  it.each([
    ['ended with an error', { errored: true }],
    ['is not complete', { complete: false }],
  ])('passes nothing where the plan %s', (_what, more) => {
    const findings = judged(planOf(describeStack(), more));
    expect(new Set(findings.map(({ status }) => status))).toEqual(new Set(['unknown']));
  });
});

/** The value once every reference to a resource is an id. */
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

describe('a resource beside the stack', () => {
  const group = ref('aws_security_group.app.id');
  it.each<[string, Json]>([
    ['aws_lambda_function.x', { vpc_config: [{ security_group_ids: [group] }] }],
    ['aws_ecs_service.x', { network_configuration: [{ security_groups: [group] }] }],
    ['aws_eks_cluster.x', { vpc_config: [{ security_group_ids: [group] }] }],
    ['aws_eks_node_group.x', { launch_template: [{ id: ref('aws_launch_template.shop.id'), version: '1' }] }],
    ['aws_vpc_endpoint.x', { security_group_ids: [group] }],
    ['aws_network_interface.x', { security_groups: [group] }],
    ['aws_network_interface_sg_attachment.x', { security_group_id: group, network_interface_id: 'eni-1' }],
    ['aws_elb.x', { security_groups: [group] }],
    ['aws_glue_connection.x', { physical_connection_requirements: [{ security_group_id_list: [group] }] }],
    ['aws_emr_cluster.x', { ec2_attributes: [{ emr_managed_master_security_group: group }] }],
    ['aws_nobody_knows.x', { network: [{ security_group_ids: [group] }] }],
    [
      'aws_elastic_beanstalk_environment.x',
      {
        setting: [{ namespace: 'aws:autoscaling:launchconfiguration', name: 'SecurityGroups', value: group }],
      },
    ],
  ])('%s that has the group of the instances can reach the stores', (name, given) => {
    const findings = judged(
      planOf(describeStack((resources) => Object.assign(resources, { [name]: given }))),
    );
    expect(worst(findings, 'cache-only-from-asg')).toBe('fail');
  });

  it.each<[string, Json]>([
    ['aws_ecs_task_definition.x', { container_definitions: group }],
    ['aws_nobody_knows.x', { settings: group }],
    ['null_resource.x', { triggers: { group } }],
    ['terraform_data.x', { input: group }],
    ['kubernetes_manifest.x', { manifest: group }],
    ['aws_cloudformation_stack.x', { parameters: { Group: group } }],
  ])('%s that refers to it may use it', (name, given) => {
    const findings = judged(
      planOf(describeStack((resources) => Object.assign(resources, { [name]: given }))),
    );
    expect(worst(findings, 'cache-only-from-asg')).toBe('unknown');
  });

  it('that runs programs may add rules to the group that it is given', () => {
    const given = { triggers: { group: ref('aws_security_group.store.id') } };
    const plan = planOf(describeStack((resources) => Object.assign(resources, { 'null_resource.x': given })));
    expect(worst(judged(plan), 'cache-only-from-asg')).toBe('unknown');
    expect(worst(judged(plan), 'database-only-from-asg')).toBe('pass');
  });

  it.each<[string, Json]>([
    ['aws_route53_record.x', { records: [group] }],
    ['aws_ssm_parameter.x', { value: group }],
    ['aws_cloudwatch_metric_alarm.x', { dimensions: { group } }],
    ['random_id.x', { keepers: { group } }],
    ['aws_instance.x', { vpc_security_group_ids: [ref('aws_security_group.other.id')] }],
  ])('%s that only tells of it changes nothing', (name, given) => {
    expect(
      notPassed(planOf(describeStack((resources) => Object.assign(resources, { [name]: given })))),
    ).toEqual([]);
  });
});

describe('what the provider of AWS means', () => {
  it.each<[string, string, string, (resources: PlanStack['resources']) => void]>([
    [
      'a group without egress lets nothing out',
      'chain-connects',
      'fail',
      (resources) => {
        resources['aws_security_group.app']!['egress'] = [];
      },
    ],
    [
      'a schedule without a size sets it to 0',
      'asg-multi-az',
      'fail',
      (resources) => {
        resources['aws_autoscaling_schedule.night'] = {
          scheduled_action_name: 'night',
          autoscaling_group_name: ref('aws_autoscaling_group.shop.name'),
        };
      },
    ],
    [
      'a schedule of -1 leaves the size as it is',
      'asg-multi-az',
      'pass',
      (resources) => {
        resources['aws_autoscaling_schedule.night'] = {
          min_size: -1,
          autoscaling_group_name: ref('aws_autoscaling_group.shop.name'),
        };
      },
    ],
    [
      'an attachment feeds the group as the group itself does',
      'chain-connects',
      'pass',
      (resources) => {
        delete resources['aws_autoscaling_group.shop']!['target_group_arns'];
        resources['aws_autoscaling_attachment.shop'] = {
          autoscaling_group_name: ref('aws_autoscaling_group.shop.id'),
          lb_target_group_arn: ref('aws_lb_target_group.shop.arn'),
        };
      },
    ],
    [
      'a database without backups set has none',
      'backups-kept',
      'fail',
      (resources) => {
        delete resources['aws_db_instance.shop']!['backup_retention_period'];
      },
    ],
    [
      'a database is not public where nothing is said',
      'database-not-public',
      'pass',
      (resources) => {
        delete resources['aws_db_instance.shop']!['publicly_accessible'];
      },
    ],
    [
      'a restored database is encrypted as its snapshot was',
      'encrypted-at-rest',
      'unknown',
      (resources) => {
        delete resources['aws_db_instance.shop']!['storage_encrypted'];
        resources['aws_db_instance.shop']!['snapshot_identifier'] = 'snapshot';
      },
    ],
    [
      'the image decides where tokens are not said',
      'imdsv2-only',
      'unknown',
      (resources) => {
        delete resources['aws_launch_template.shop']!['metadata_options'];
      },
    ],
    [
      'a listener has an old policy where none is said',
      'tls-for-clients',
      'fail',
      (resources) => {
        delete resources['aws_lb_listener.p443']!['ssl_policy'];
      },
    ],
    [
      'a redirect keeps the protocol where none is said',
      'tls-for-clients',
      'fail',
      (resources) => {
        resources['aws_lb_listener.p80']!['default_action'] = [
          { type: 'redirect', redirect: [{ port: '443', status_code: 'HTTP_301' }] },
        ];
      },
    ],
    [
      'a rule of a listener serves what its default redirects',
      'tls-for-clients',
      'fail',
      (resources) => {
        resources['aws_lb_listener_rule.plain'] = {
          listener_arn: ref('aws_lb_listener.p80.arn'),
          action: [{ type: 'forward', target_group_arn: ref('aws_lb_target_group.shop.arn') }],
        };
      },
    ],
    [
      'a token that another resource makes is a token',
      'cache-tls-and-auth',
      'pass',
      (resources) => {
        resources['random_password.token'] = { length: 32 };
        resources['aws_elasticache_replication_group.shop']!['auth_token'] = ref(
          'random_password.token.result',
        );
      },
    ],
    [
      'a user without a password lets everybody in',
      'cache-tls-and-auth',
      'fail',
      (resources) => {
        const cache = resources['aws_elasticache_replication_group.shop']!;
        delete cache['auth_token'];
        cache['user_group_ids'] = [ref('aws_elasticache_user_group.shop.user_group_id')];
        resources['aws_elasticache_user_group.shop'] = {
          user_group_id: 'shop',
          user_ids: [ref('aws_elasticache_user.all.user_id')],
        };
        resources['aws_elasticache_user.all'] = { user_id: 'all', no_password_required: true };
      },
    ],
    [
      'a network ACL without entries stops everything',
      'chain-connects',
      'fail',
      (resources) => {
        resources['aws_network_acl.none'] = {
          vpc_id: ref('aws_vpc.main.id'),
          subnet_ids: [ref('aws_subnet.a.id'), ref('aws_subnet.b.id')],
          ingress: [],
          egress: [],
        };
      },
    ],
    [
      'a rule of all protocols is more than a port',
      'cache-only-from-asg',
      'fail',
      (resources) => {
        resources['aws_vpc_security_group_ingress_rule.all'] = {
          security_group_id: ref('aws_security_group.store.id'),
          ip_protocol: '-1',
          referenced_security_group_id: ref('aws_security_group.app.id'),
        };
      },
    ],
    [
      'a rule may name its own group by self',
      'cache-only-from-asg',
      'fail',
      (resources) => {
        (resources['aws_security_group.store']!['ingress'] as Json[]).push({
          from_port: 6379,
          to_port: 6379,
          protocol: 'tcp',
          self: true,
        });
      },
    ],
    [
      'a node that joins the cache elsewhere counts',
      'cache-multi-az',
      'pass',
      (resources) => {
        const cache = resources['aws_elasticache_replication_group.shop']!;
        Object.assign(cache, { num_cache_clusters: 1, preferred_cache_cluster_azs: ['eu-west-1a'] });
        resources['aws_elasticache_cluster.second'] = {
          replication_group_id: ref('aws_elasticache_replication_group.shop.id'),
          availability_zone: 'eu-west-1b',
        };
      },
    ],
    [
      'Aurora in two zones is one database',
      'database-multi-az',
      'pass',
      (resources) => {
        const { multi_az: _, ...shared } = resources['aws_db_instance.shop']!;
        delete resources['aws_db_instance.shop'];
        resources['aws_rds_cluster.shop'] = {
          ...shared,
          engine: 'aurora-postgresql',
          cluster_identifier: 'shop',
        };
        for (const zone of ['a', 'b'])
          resources[`aws_rds_cluster_instance.${zone}`] = {
            cluster_identifier: ref('aws_rds_cluster.shop.id'),
            engine: 'aurora-postgresql',
            availability_zone: `eu-west-1${zone}`,
          };
      },
    ],
  ])('%s', (_what, control, expected, change) => {
    const findings = judged(planOf(describeStack(change)));
    const reasons = findings.filter((finding) => finding.control === control).map(({ reason }) => reason);
    expect(worst(findings, control), reasons.join('; ')).toBe(expected);
  });

  it('says in the words of Terraform what to change', () => {
    const findings = judged(planOf(describeStack((_resources, stack) => stack.database({ multiAz: false }))));
    const { fix } = findings.find(({ control }) => control === 'database-multi-az')!;
    expect(fix).toBe('In the Terraform configuration: set multi_az of aws_db_instance.shop to true');
  });
});

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
