// Types and arguments of the AWS provider, and whether a plan gives an argument: unset, unknown, or one of its blocks.
import { isRecord } from '../template/parse-template.ts';
import type { Expressions, PlanInstance } from './parse-plan.ts';
import type { Shape } from './references.ts';

/** Kinds of resource to which others refer, each with its types. */
export const families = {
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

export const naming = [
  'id',
  'arn',
  'name',
  'identifier',
  'cluster_identifier',
  'replication_group_id',
  'user_group_id',
  'user_id',
];

/** Data sources whose answers are read as resources that exist. */
export const readData = new Set(['aws_subnet', 'aws_vpc', 'aws_ec2_managed_prefix_list', 'aws_prefix_list']);

/**
 * Arguments that the provider computes if they are not set. Any other argument with an unknown value must have been
 * set.
 */
const mayBeLeftOut =
  /^(name|identifier|cluster_identifier|availability_zones?|availability_zone_id|subnets?|subnet_ids?|subnet_mapping|(vpc_)?security_group(s|_ids|_names)|vpc_zone_identifier|ingress|egress|route|protocol|port|engine|metadata_options|http_tokens|http_endpoint|target_group_arns|traffic_source|health_check|desired_capacity|db_subnet_group_name|subnet_group_name|node_group_configuration|cluster_mode|num_cache_clusters|number_cache_clusters|num_node_groups|replicas_per_node_group|preferred_cache_cluster_azs|default_version|latest_version|version|tags|tags_all|id|arn|network_interface|cidr_block|ipv6_cidr_block|vpc_id|user_id|entry|source_security_group_id|launch_template_(id|name)|associate_public_ip_address)$/;

/** The same for single types: arguments whose default decides a verdict. */
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

export interface Node {
  value: unknown;
  unknown: unknown;
  /** Undefined where the configuration does not show it, such as in a dynamic block. */
  expression: Expressions;
  /** Whether the same expression also gives other arguments. */
  isShared?: boolean;
  what: string;
}

export function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/**
 * Whether the value is known only after the apply. In a resource without a change, an unknown value looks as if it were
 * not set.
 */
export function isOpen({ value, unknown, expression }: Node, instance: PlanInstance): boolean {
  if (unknown === true || (isUnset(value) && holdsTrue(unknown))) return true;
  if (!isExpression(expression) || 'constant_value' in (expression as object)) return false;
  // Terraform leaves unknown values out, and writes `null` for values that are not set.
  return value === undefined || (value === null && instance.unknown === undefined);
}

function holdsTrue(unknown: unknown): boolean {
  if (typeof unknown !== 'object' || unknown === null) return unknown === true;
  return Object.values(unknown).some(holdsTrue);
}

export function isExpression(expression: unknown): boolean {
  return isRecord(expression) && ('references' in expression || 'constant_value' in expression);
}

/**
 * Finds the configuration of one of several repeated blocks. A plan may list the blocks in another order than the
 * configuration does, so they are matched by their constant values.
 */
export function expressionOf(
  expression: Expressions,
  value: unknown,
  index: number,
  count: number,
): Expressions {
  if (!Array.isArray(expression)) return expression;
  if (expression.length !== count) return undefined;
  if (count === 1) return expression[0];
  const fits = expression.filter((block) => fitsBlock(block, value));
  const texts = new Set(fits.map((block) => JSON.stringify(block)));
  if (texts.size === 1) return fits[0];
  const own = expression[index];
  // Blocks that fit equally well are matched by their position.
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

/**
 * Whether the provider computes the argument if it is not set. Any other argument with an unknown value must have been
 * set.
 */
export function isComputed(type: string, name: string): boolean {
  return mayBeLeftOut.test(name) || leftOutBy[type]?.includes(name) === true;
}

/** The shape of a list. An application load balancer and an RDS subnet group need subnets in two zones. */
export function shapeOf({ type, after }: PlanInstance, name: string): Shape {
  const isSpread =
    (/^aws_a?lb$/.test(type) &&
      name === 'subnets' &&
      (after['load_balancer_type'] ?? 'application') === 'application') ||
    (type === 'aws_db_subnet_group' && name === 'subnet_ids');
  return isSpread ? 'two-subnets' : 'set';
}

/** Returns an argument of a resource or block. */
export function cellOf({ value, unknown, expression: outer, what }: Node, name: string): Node {
  // If an expression gives the whole block, it also gives each argument in it.
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
