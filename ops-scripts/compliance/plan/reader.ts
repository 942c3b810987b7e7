// Reads the arguments of a planned resource: known, unset, or unknown unless their references tell them.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { isRecord } from '../template/parse-template.ts';
import type { Expressions, Plan, PlanInstance } from './parse-plan.ts';
import { Handle, type Reading, References, type Shape, type Standpoint } from './references.ts';
import { referencesWithin } from './traversal.ts';

/** Kinds of resource that others refer to, each with its types. */
const families = {
  group: ['aws_security_group', 'aws_default_security_group'],
  subnet: ['aws_subnet', 'aws_default_subnet'],
  vpc: ['aws_vpc', 'aws_default_vpc'],
  balancer: ['aws_lb', 'aws_alb'],
  listener: ['aws_lb_listener', 'aws_alb_listener'],
  targets: ['aws_lb_target_group', 'aws_alb_target_group'],
  scaling: ['aws_autoscaling_group'],
  template: ['aws_launch_template'],
  configuration: ['aws_launch_configuration'],
  databaseSubnets: ['aws_db_subnet_group'],
  cacheSubnets: ['aws_elasticache_subnet_group'],
  database: ['aws_db_instance', 'aws_rds_cluster_instance'],
  databaseCluster: ['aws_rds_cluster'],
  proxy: ['aws_db_proxy'],
  cache: ['aws_elasticache_replication_group'],
  userGroup: ['aws_elasticache_user_group'],
  user: ['aws_elasticache_user'],
  prefixList: ['aws_ec2_managed_prefix_list', 'aws_prefix_list'],
  acl: ['aws_network_acl', 'aws_default_network_acl'],
  routes: ['aws_route_table', 'aws_default_route_table'],
  rule: ['aws_vpc_security_group_ingress_rule', 'aws_vpc_security_group_egress_rule'],
  role: ['aws_iam_role'],
};

export type Family = keyof typeof families;

const naming = [
  'id',
  'arn',
  'name',
  'identifier',
  'cluster_identifier',
  'replication_group_id',
  'user_group_id',
  'user_id',
];

/** All resources of a plan, each with its reader, and what identifies them on AWS. */
export class PlannedWorld {
  readonly plan: Plan;
  readonly references: References;
  readonly all: Reader[];
  readonly #ids = new Map<string, PlanInstance | undefined>();
  readonly #readers = new Map<PlanInstance, Reader>();

  constructor(plan: Plan, reading: Reading = 'all') {
    this.plan = plan;
    const readArgument = (instance: PlanInstance, path: (string | number)[]) =>
      this.#readers.get(instance)!.at(path);
    this.references = new References(plan, readArgument, reading);
    this.all = plan.instances.map((instance) => {
      const config = this.references.configOf(instance);
      const reader = new Reader(this, instance, {
        value: instance.after,
        unknown: instance.unknown,
        expression: config?.expressions,
        what: instance.id,
      });
      this.#readers.set(instance, reader);
      return reader;
    });
    // A data source that looks up what the plan manages is no second resource.
    const managedFirst = plan.instances.toSorted(
      (a, b) => Number(a.mode === 'data') - Number(b.mode === 'data'),
    );
    for (const [family, types] of Object.entries(families))
      for (const instance of managedFirst) if (types.includes(instance.type)) this.#name(family, instance);
  }

  #name(family: string, instance: PlanInstance): void {
    const reader = this.#readers.get(instance)!;
    for (const id of new Set(naming.map((name) => reader.one(name)))) {
      if (typeof id !== 'string' || id === '') continue;
      const key = `${family} ${id}`;
      if (this.#ids.has(key) && instance.mode === 'data') continue;
      // Two of one name can't be told apart by it.
      this.#ids.set(key, this.#ids.has(key) ? undefined : instance);
    }
  }

  of(...types: string[]): Reader[] {
    return this.all.filter(({ instance: { type, mode } }) => mode === 'managed' && types.includes(type));
  }

  /** The id by which a resource of the plan is told; text that names none stays as it is. */
  idOf(item: unknown, ...wanted: Family[]): unknown {
    if (item instanceof Handle) {
      const { id, type, mode } = item.instance;
      if (mode === 'data' && !readData.has(type)) return unknownValue(`${id} is read only during the apply`);
      if (item.suffix === '.default') return this.#defaultGroupOf(id);
      return wanted.some((family) => families[family].includes(type))
        ? id
        : unknownValue(`${id} is given where another kind of resource is meant`);
    }
    if (typeof item !== 'string') return item;
    for (const family of wanted) {
      const found = this.#ids.get(`${family} ${item}`);
      if (found !== undefined) return found.id;
    }
    return item;
  }

  /** The default security group of a VPC; one that the plan manages is told by its own id. */
  #defaultGroupOf(vpc: string): string {
    const managed = this.of('aws_default_security_group').find((group) => group.ref('vpc_id', 'vpc') === vpc);
    return managed?.id ?? `${vpc}.default`;
  }

  /** Ids that AWS gave to security groups which are in the plan. */
  get existingGroups(): [awsId: string, id: string][] {
    return this.of(...families.group).flatMap(({ instance: { id, after } }): [string, string][] =>
      typeof after['id'] === 'string' && after['id'] !== '' ? [[after['id'], id]] : [],
    );
  }
}

/** Data sources whose answers are read as resources that exist. */
export const readData = new Set(['aws_subnet', 'aws_vpc', 'aws_ec2_managed_prefix_list', 'aws_prefix_list']);

/** Arguments that the provider computes where they are not set; for every other one, not known means given. */
const mayBeLeftOut =
  /^(name|identifier|cluster_identifier|availability_zones?|availability_zone_id|subnets?|subnet_ids?|subnet_mapping|(vpc_)?security_group(s|_ids|_names)|vpc_zone_identifier|ingress|egress|route|protocol|port|engine|metadata_options|http_tokens|http_endpoint|target_group_arns|traffic_source|health_check|desired_capacity|db_subnet_group_name|subnet_group_name|node_group_configuration|cluster_mode|num_cache_clusters|number_cache_clusters|num_node_groups|replicas_per_node_group|preferred_cache_cluster_azs|default_version|latest_version|version|tags|tags_all|id|arn|network_interface|cidr_block|ipv6_cidr_block|vpc_id|user_id|entry|source_security_group_id|launch_template_(id|name)|associate_public_ip_address)$/;

/** The same, of arguments whose default decides a verdict, by type. */
const leftOutBy: Record<string, string[]> = {
  aws_lb: ['internal', 'ip_address_type'],
  aws_alb: ['internal', 'ip_address_type'],
  aws_lb_listener: ['ssl_policy'],
  aws_alb_listener: ['ssl_policy'],
  aws_autoscaling_schedule: ['min_size', 'max_size', 'recurrence'],
  aws_elasticache_cluster: [
    'az_mode',
    'num_cache_nodes',
    'replication_group_id',
    'transit_encryption_enabled',
  ],
  aws_elasticache_replication_group: [
    'at_rest_encryption_enabled',
    'transit_encryption_enabled',
    'transit_encryption_mode',
    'global_replication_group_id',
  ],
  aws_elasticache_user: ['authentication_mode', 'no_password_required'],
  aws_db_instance: ['multi_az', 'backup_retention_period', 'replicate_source_db', 'snapshot_identifier'],
  aws_rds_cluster: [
    'backup_retention_period',
    'storage_encrypted',
    'engine_mode',
    'global_cluster_identifier',
    'db_cluster_instance_class',
  ],
  aws_rds_cluster_instance: ['publicly_accessible'],
  aws_db_proxy_endpoint: ['target_role'],
};

interface Node {
  value: unknown;
  unknown: unknown;
  /** Undefined where the configuration does not show it, as for a dynamic block. */
  expression: Expressions;
  /** Whether the expression stands for more than this. */
  isShared?: boolean;
  what: string;
}

export class Reader {
  readonly world: PlannedWorld;
  readonly instance: PlanInstance;
  readonly #node: Node;

  constructor(world: PlannedWorld, instance: PlanInstance, node: Node) {
    this.world = world;
    this.instance = instance;
    this.#node = node;
  }

  get id(): string {
    return this.instance.id;
  }

  /** A single value; undefined where it is not set, so that the default of AWS holds. */
  one(name: string): unknown {
    return withoutHandle(this.#single(name));
  }

  #single(name: string): unknown {
    const cell = this.#cell(name);
    if (!isOpen(cell, this.instance)) return isUnset(cell.value) ? undefined : cell.value;
    if (this.#isLeftOut(cell, name)) return undefined;
    const items = this.#resolve(cell, 'one');
    if (isUnknownValue(items)) return items;
    // A variable that is null sets nothing.
    if (items.length === 0) return undefined;
    return items.length === 1 ? items[0] : unknownValue(`${cell.what} may be any of ${items.length} values`);
  }

  /** Whether a secret is set, whatever it is: one that another resource makes is. */
  isGiven(name: string): unknown {
    const cell = this.#cell(name);
    if (!isOpen(cell, this.instance)) return !isUnset(cell.value);
    if (this.#isLeftOut(cell, name)) return false;
    const leaves = referencesWithin(cell.expression);
    const made = leaves.length > 0 && leaves.every((leaf) => /^(data\.)?[a-z0-9]+_\w+\./.test(leaf));
    return made ? true : unknownValue(`${cell.what} is known only after the apply`);
  }

  /** Reads a list or set. An item that is not known yet is included as an unknown value. */
  many(name: string): unknown[] | UnknownValue | undefined {
    const items = this.#several(name);
    return Array.isArray(items) ? items.map(withoutHandle) : items;
  }

  #several(name: string): unknown[] | UnknownValue | undefined {
    const cell = this.#cell(name);
    if (isOpen(cell, this.instance)) {
      const items = this.#isLeftOut(cell, name) ? [] : this.#resolve(cell, this.#shapeOf(name));
      return Array.isArray(items) && items.length === 0 ? undefined : items;
    }
    if (isUnset(cell.value)) return undefined;
    const list = Array.isArray(cell.value) ? cell.value : [cell.value];
    const known = list.filter((item) => !isUnset(item));
    const open = Array.isArray(cell.unknown) ? cell.unknown.filter((item) => item === true).length : 0;
    if (open === 0) return known;
    const resolved = this.#resolve(cell, open);
    const isKnown = (item: unknown) =>
      known.includes(item) ||
      (item instanceof Handle && naming.some((each) => known.includes(item.instance.after[each])));
    const rest = isUnknownValue(resolved) ? [resolved] : resolved.filter((item) => !isKnown(item));
    return rest.length === open
      ? [...known, ...rest]
      : [...known, unknownValue(`${cell.what} has items that are known only after the apply`)];
  }

  ref(name: string, ...wanted: Family[]): unknown {
    return this.world.idOf(this.#single(name), ...wanted);
  }

  /**
   * Every resource of a kind that an argument may name which hangs on a local value: those that its module sees.
   * Undefined where it may be any. `isCertain`: it can be no other than the only one.
   */
  candidates(name: string, family: Family): { ids: string[]; isCertain: boolean } | undefined {
    const { expression } = this.#cell(name);
    if (!referencesWithin(expression).some((leaf) => /^(local|each)\./.test(leaf))) return undefined;
    const seen = this.world.references.visibleFrom(this.instance.module, families[family]);
    if (seen === undefined) return undefined;
    const ids = seen.instances.map(({ id }) => id);
    return { ids, isCertain: ids.length === 1 && !seen.others };
  }

  refs(name: string, ...wanted: Family[]): unknown[] | UnknownValue | undefined {
    const items = this.#several(name);
    return Array.isArray(items) ? items.map((item) => this.world.idOf(item, ...wanted)) : items;
  }

  /** The nested blocks of a name; an unknown value where even their number can't be known. */
  blocks(name: string): Reader[] | UnknownValue {
    const cell = this.#cell(name);
    if (isOpen(cell, this.instance)) {
      if (this.#isLeftOut(cell, name)) return [];
      return unknownValue(`${cell.what} is known only after the apply`);
    }
    const { value, unknown, expression, what } = cell;
    if (isUnset(value)) return [];
    const list = Array.isArray(value) ? value : [value];
    const open = Array.isArray(unknown) ? unknown : [unknown];
    // A set leaves out the blocks of which nothing is known.
    if (open.filter((item) => item === true).length > list.filter(isUnset).length)
      return unknownValue(`${what} has blocks that are known only after the apply`);
    return list.map(
      (each, index) =>
        new Reader(this.world, this.instance, {
          value: each,
          unknown: open[index],
          expression: expressionOf(expression, each, index, list.length),
          what: `${what}[${index}]`,
        }),
    );
  }

  /** The first block of a name, of which there is one at most. */
  block(name: string): Reader | UnknownValue | undefined {
    const blocks = this.blocks(name);
    return isUnknownValue(blocks) ? blocks : blocks[0];
  }

  /** An argument at some depth, for those that refer to it. */
  at([name, ...rest]: (string | number)[]): unknown {
    const text = String(name);
    if (rest.length === 0) {
      const value = this.#several(text);
      // Whatever others refer to is there after the apply, told or not.
      if (value === undefined && text === 'latest_version') return '$Latest';
      if (value === undefined && text === 'default_version') return '$Default';
      if (value === undefined)
        return unknownValue(`${this.#node.what}.${text} is known only after the apply`);
      return Array.isArray(value) && value.length === 1 ? value[0] : value;
    }
    const cell = this.#cell(text);
    if (isOpen(cell, this.instance)) return unknownValue(`${cell.what} is known only after the apply`);
    const [key, ...deeper] = rest;
    const inner = Array.isArray(cell.value) ? cell.value[Number(key)] : undefined;
    if (isRecord(inner) && deeper.length > 0) {
      const blocks = this.blocks(text);
      if (!isUnknownValue(blocks)) return blocks[Number(key)]?.at(deeper);
    }
    if (inner !== undefined && inner !== null && deeper.length === 0 && !isRecord(inner)) return inner;
    return unknownValue(`${cell.what}.${rest.join('.')} is not told by the plan`);
  }

  /** Names of all arguments and blocks that are set, or that may be. */
  names(): string[] {
    const { value, unknown } = this.#node;
    return [
      ...new Set([
        ...Object.keys(isRecord(value) ? value : {}),
        ...Object.keys(isRecord(unknown) ? unknown : {}),
      ]),
    ];
  }

  /** Whether the argument is set, or may be. */
  isSaid(name: string): boolean {
    const cell = this.#cell(name);
    if (!isOpen(cell, this.instance)) return !isUnset(cell.value);
    return cell.expression !== undefined || this.#node.expression === undefined;
  }

  /** Whether an argument holds blocks. */
  holdsBlocks(name: string): boolean {
    const { value } = this.#cell(name);
    return Array.isArray(value) ? value.some(isRecord) : isRecord(value);
  }

  get what(): string {
    return this.#node.what;
  }

  #cell(name: string): Node {
    const { value, unknown, expression: outer, what } = this.#node;
    // One expression stands for all that is within it.
    const expression = isExpression(outer) ? outer : isRecord(outer) ? outer[name] : undefined;
    const open = unknown === true ? true : isRecord(unknown) ? unknown[name] : undefined;
    const told = isRecord(value) ? value[name] : undefined;
    const isConstant = told === undefined && open === undefined && !isExpression(outer);
    return {
      value: isConstant && isRecord(expression) ? expression['constant_value'] : told,
      unknown: open,
      expression,
      isShared: isExpression(outer),
      what: `${what}.${name}`,
    };
  }

  /** An application load balancer and a subnet group of RDS want subnets in two zones. */
  #shapeOf(name: string): Shape {
    const { type, after } = this.instance;
    const isSpread =
      (/^aws_a?lb$/.test(type) &&
        name === 'subnets' &&
        (after['load_balancer_type'] ?? 'application') === 'application') ||
      (type === 'aws_db_subnet_group' && name === 'subnet_ids');
    return isSpread ? 'two-subnets' : 'set';
  }

  /** Whether the configuration does not set the argument, so that the provider or AWS chooses it. */
  #isLeftOut({ expression }: Node, name: string): boolean {
    if (expression !== undefined || this.#node.expression === undefined) return false;
    return mayBeLeftOut.test(name) || leftOutBy[this.instance.type]?.includes(name) === true;
  }

  #resolve({ expression, isShared, what }: Node, shape: Shape): unknown[] | UnknownValue {
    // What is constant in the configuration would be known.
    if (isRecord(expression) && 'constant_value' in expression)
      return unknownValue(`${what} is known only after the apply`);
    const config = this.world.references.configOf(this.instance);
    const at: Standpoint = {
      module: this.instance.module,
      key: this.instance.key,
      forEach: config?.for_each_expression,
    };
    const items = this.world.references.resolve(expression, at, what, shape);
    return isShared && Array.isArray(items) && items.length > 1
      ? unknownValue(`${what} is one of several arguments in an expression that a plan does not tell`)
      : items;
  }
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** Whether the value is known only after the apply. Without a change, what is unknown looks as if it were not set. */
function isOpen({ value, unknown, expression }: Node, instance: PlanInstance): boolean {
  if (unknown === true || (isUnset(value) && holdsTrue(unknown))) return true;
  if (!isExpression(expression) || 'constant_value' in (expression as object)) return false;
  // Terraform leaves out what it does not know, and writes `null` for what is not set.
  return value === undefined || (value === null && instance.unknown === undefined);
}

function holdsTrue(unknown: unknown): boolean {
  if (typeof unknown !== 'object' || unknown === null) return unknown === true;
  return Object.values(unknown).some(holdsTrue);
}

/** An id that AWS has not given yet is no value of an argument that is read as such. */
function withoutHandle(value: unknown): unknown {
  return value instanceof Handle
    ? unknownValue(`an id of ${value.instance.id} is known only after the apply`)
    : value;
}

function isExpression(expression: unknown): boolean {
  return isRecord(expression) && ('references' in expression || 'constant_value' in expression);
}

/**
 * The expressions of one of several blocks. Blocks may stand in another order than they were written in: they are told
 * apart by their constants.
 */
function expressionOf(expression: Expressions, value: unknown, index: number, count: number): Expressions {
  if (!Array.isArray(expression)) return expression;
  if (expression.length !== count) return undefined;
  if (count === 1) return expression[0];
  const fits = expression.filter((block) => fitsBlock(block, value));
  const texts = new Set(fits.map((block) => JSON.stringify(block)));
  if (texts.size === 1) return fits[0];
  const own = expression[index];
  // In their written order, each of several alike is its own.
  return fits.includes(own) && texts.size === fits.length && count === fits.length ? own : undefined;
}

function fitsBlock(block: unknown, value: unknown): boolean {
  if (!isRecord(block) || !isRecord(value)) return false;
  return Object.entries(block).every(([name, argument]) => {
    if (!isRecord(argument) || !('constant_value' in argument)) return true;
    const constant = argument['constant_value'];
    return (
      isUnset(constant) || isUnset(value[name]) || JSON.stringify(constant) === JSON.stringify(value[name])
    );
  });
}
