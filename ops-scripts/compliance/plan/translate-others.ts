// Code that all translations of planned resources share, and the translation of resources that have none of their own.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { isRecord } from '../template/parse-template.ts';
import type { Properties, Resource } from '../template/resources.ts';
import type { PlannedWorld, Reader } from './reader.ts';

/** Arguments that name groups of the resource itself. Arguments that match `namesSources` name who may connect. */
const namesGroups = /(^|_)security_groups?(_ids?|_id_list|_names?)?$/;
const namesSources = /^(source|referenced|allowed|remote_access)_/;

/** Resources that may refer to a group and never attach it: rules, records, permissions, metrics, generated values. */
const givesToNobody =
  /^(aws_(route|subnet|vpc$|vpc_dhcp|internet_gateway|nat_gateway|eip|flow_log|key_pair|cloudwatch_|iam_|kms_|sns_|sqs_|s3_|ssm_parameter|secretsmanager_|wafv2_|acm_|config_|budgets_|resourcegroups_|ec2_tag|appautoscaling_|autoscaling_(policy|lifecycle_hook|notification|attachment)|network_acl|security_group|vpc_security_group|db_(option|parameter)_group|elasticache_(parameter_group|user)|rds_cluster_parameter_group|launch_|lb_)|(random|tls|time|archive|template)_)/;

/** Resources whose rules or parts are translated one by one. */
const isNoResource = /^aws_vpc_security_group_(vpc_association|rules_exclusive)$/;

/**
 * Translates the resource with the groups that it certainly has. Groups that it may have follow from its references.
 */
export function translateOther(planned: Reader, world: PlannedWorld): Resource[] {
  const { type } = planned.instance;
  if (isNoResource.test(type)) return [];
  if (type === 'aws_instance' || type === 'aws_spot_instance_request')
    return [translateMachine(planned, world)];
  if (type.startsWith('aws_iam_')) return translatePolicy(planned, world);
  const groups = groupsIn(planned);
  const templates = templatesIn(planned);
  const { refers, named } = givesToNobody.test(type) ? nothing : handedBy(planned, world);
  if (groups.length + templates.length + refers.size + named.size === 0) return [];
  const properties: Properties = {
    ...(groups.length > 0 ? { SecurityGroupIds: groups } : {}),
    ...launchOf(templates),
    SubnetId: firstSubnet(planned),
  };
  const handed = new Set([...refers].filter((id) => !groups.includes(id)));
  return [{ ...resource(planned, actingType(type), properties), refers, handed, named }];
}

const nothing = { refers: new Set<string>(), named: new Set<string>() };

/** Names the type as templates do. A resource that runs programs of its own may also change the groups that it gets. */
function actingType(type: string): string {
  if (/^aws_cloudformation_stack/.test(type)) return 'AWS::CloudFormation::Stack';
  const acts =
    !type.startsWith('aws_') || /^aws_(lambda_invocation|ssm_association|servicecatalog_)/.test(type);
  return acts ? `Custom::${type}` : `AWS::${type}`;
}

/** Arguments of the `aws_iam_` types that hold a policy as JSON. */
const policyArguments = ['policy', 'inline_policy', 'assume_role_policy'];

/**
 * Translates a policy, which may allow somebody to write the rules of groups. A role carries the policies that it has.
 */
function translatePolicy(planned: Reader, world: PlannedWorld): Resource[] {
  const { refers } = handedBy(planned, world);
  const { after, type } = planned.instance;
  const texts = policyArguments.flatMap((name) => textsOf(after[name]));
  // A policy that can't be read may allow everything, for the groups to which it refers.
  const isRead = texts.length > 0 || refers.size === 0;
  const PolicyDocument = isRead ? texts.map(parsed) : { Effect: 'Allow', Action: '*' };
  if (type !== 'aws_iam_role')
    return texts.length + refers.size === 0
      ? []
      : [
          {
            ...resource(planned, 'AWS::IAM::Policy', { PolicyDocument }),
            refers: withRoles(planned, world, refers),
          },
        ];
  const managed = planned.many('managed_policy_arns');
  const attached = world
    .of('aws_iam_role_policy_attachment')
    .filter((link) => namesRole(link, planned))
    .map((link) => link.one('policy_arn'));
  const ManagedPolicyArns = [...(Array.isArray(managed) ? managed : []), ...attached];
  return [{ ...resource(planned, 'AWS::IAM::Role', { PolicyDocument, ManagedPolicyArns }), refers }];
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return value === '' ? [] : [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  return isRecord(value) ? textsOf(value['policy']) : [];
}

/** Adds the roles that the policy names. */
function withRoles(planned: Reader, world: PlannedWorld, refers: ReadonlySet<string>): Set<string> {
  const roles = world.of('aws_iam_role').filter((role) => namesRole(planned, role));
  return new Set([...refers, ...roles.map(({ id }) => id)]);
}

function namesRole(link: Reader, role: Reader): boolean {
  return link.ref('role', 'role') === role.id;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { Action: '*' };
  }
}

function translateMachine(planned: Reader, world: PlannedWorld): Resource {
  const template = planned.block('launch_template');
  const own = [
    ...asList(planned.refs('vpc_security_group_ids', 'group')),
    ...asList(planned.refs('security_groups', 'group')),
  ];
  const cards = planned.blocks('network_interface');
  const bare = own.length === 0 && template === undefined && Array.isArray(cards) && cards.length === 0;
  const groups = bare ? defaultGroups(planned, world) : own;
  return {
    ...resource(planned, 'AWS::EC2::Instance', {
      SubnetId: planned.ref('subnet_id', 'subnet'),
      ...(groups.length > 0 ? { SecurityGroupIds: groups } : {}),
      ...launchOf(templatesIn(planned)),
      Tags: tagsOf(planned),
    }),
    refers: new Set(),
  };
}

/** An instance that names no group has the default group of its VPC, if the plan manages that group. */
function defaultGroups(planned: Reader, world: PlannedWorld): unknown[] {
  const subnet = planned.ref('subnet_id', 'subnet');
  const of = world.of('aws_subnet', 'aws_default_subnet').find(({ id }) => id === subnet);
  const vpc = of?.ref('vpc_id', 'vpc');
  return world.of('aws_default_security_group').flatMap((group): unknown[] => {
    const own = group.ref('vpc_id', 'vpc');
    const isOfAnother = typeof own === 'string' && typeof vpc === 'string' && own !== vpc;
    if (isOfAnother) return [];
    return of === undefined && own !== undefined
      ? [{ $unknown: `${planned.id} names no group, and may have ${group.id}` }]
      : [group.id];
  });
}

function asList(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** Groups that the resource's arguments name, at any depth. */
function groupsIn(planned: Reader, within = ''): unknown[] {
  const option = planned.one('name');
  // Elastic Beanstalk gives the name of each setting in an argument.
  if (within === 'setting' && typeof option === 'string' && /SecurityGroups?$/.test(option))
    return asList(planned.refs('value', 'group')).flatMap((text) =>
      typeof text === 'string' ? text.split(/[\s,]+/).map((id) => planned.world.idOf(id, 'group')) : [text],
    );
  return planned.names().flatMap((name): unknown[] => {
    if (namesSources.test(name) || !planned.isSaid(name)) return [];
    if (planned.holdsBlocks(name)) {
      const blocks = name === 'remote_access' || /^tags/.test(name) ? [] : planned.blocks(name);
      return isUnknownValue(blocks) ? [] : blocks.flatMap((block) => groupsIn(block, name));
    }
    return namesGroups.test(name) ? asList(planned.refs(name, 'group')) : [];
  });
}

/** Launch templates that are named at any depth. Their groups are the groups of the instances. */
function templatesIn(planned: Reader): unknown[] {
  return planned.names().flatMap((name): unknown[] => {
    if (!planned.holdsBlocks(name)) return [];
    const blocks = /^tags/.test(name) ? [] : planned.blocks(name);
    if (isUnknownValue(blocks)) return [];
    return blocks.flatMap((block) => {
      const own = /^launch_template/.test(name)
        ? ['id', 'name', 'launch_template_id', 'launch_template_name'].flatMap(
            (each) => block.ref(each, 'template') ?? [],
          )
        : [];
      return own.length > 0 ? [own[0]] : templatesIn(block);
    });
  });
}

function launchOf(templates: unknown[]): Properties {
  if (templates.length === 0) return {};
  const unknown = templates.find(isUnknownValue);
  // An unknown launch template gives unknown groups.
  if (unknown !== undefined) return { NetworkInterfaces: unknown };
  return { LaunchTemplates: templates.map((LaunchTemplateId) => ({ LaunchTemplateId })) };
}

function firstSubnet(planned: Reader): unknown {
  const single = planned.ref('subnet_id', 'subnet');
  if (single !== undefined) return single;
  return asList(planned.refs('subnet_ids', 'subnet'))[0];
}

/**
 * Finds the groups and launch templates to which the resource refers, or whose ids occur in its arguments, also within
 * text. For a resource that runs programs, it finds every other resource too.
 */
function handedBy(planned: Reader, world: PlannedWorld): typeof nothing {
  const { instance } = planned;
  const config = world.references.configOf(instance);
  const at = { module: instance.module, key: instance.key };
  const handed = world.references.handedOn([config?.expressions, config?.provisioners], at);
  const isUsed = (type: string) =>
    /^aws_((default_)?security_group|launch_template|launch_configuration)$/.test(type);
  const text = JSON.stringify(instance.after);
  const written = world.existingGroups.filter(([awsId]) => text.includes(awsId)).map(([, id]) => id);
  // A program may use a local value, whose contents a plan does not show.
  const acts = actingType(instance.type).startsWith('Custom::');
  const isOpen = acts && handed.locals && hasOpen(instance.unknown, config?.expressions);
  const any = isOpen ? world.of('aws_security_group', 'aws_default_security_group').map(({ id }) => id) : [];
  const used = handed.handles
    .filter((handle) => isUsed(handle.instance.type))
    .map(({ instance: { id } }) => id);
  const named = acts ? handed.handles.map(({ instance: { id } }) => id) : [];
  return { refers: new Set([...used, ...written, ...any]), named: new Set(named) };
}

/** Whether something that the configuration sets is known only after the apply. */
function hasOpen(unknown: unknown, expressions: unknown): boolean {
  if (!isRecord(unknown) || !isRecord(expressions)) return false;
  return Object.keys(expressions).some((name) => unknown[name] !== undefined && unknown[name] !== false);
}

/** For each type of the AWS provider: the CloudFormation resources that it corresponds to. */
export type Translations = Record<string, (planned: Reader, world: PlannedWorld) => Resource[]>;

export function resource(planned: Reader, type: string, properties: Properties): Resource {
  const set = Object.entries(properties).filter(([, value]) => value !== undefined);
  return { id: planned.id, type, properties: Object.fromEntries(set), refers: new Set() };
}

/** The tags of the resource and of the provider together, if the plan shows them. */
export function tagsOf(planned: Reader): unknown {
  const all = planned.one('tags_all');
  const given = (isUnknownValue(all) ? planned.one('tags') : (all ?? planned.one('tags'))) ?? {};
  if (!isRecord(given) || isUnknownValue(given)) return given;
  return Object.entries(given).map(([Key, Value]) => ({ Key, Value }));
}

/** Reads each block of a name; an unknown value where the blocks are unknown. */
export function eachBlock(planned: Reader, name: string, read: (block: Reader) => unknown): unknown {
  const blocks = planned.blocks(name);
  return isUnknownValue(blocks) ? blocks : blocks.map(read);
}

/** Why a rule may be removed again: an exclusive list of the group's rules does not contain it. */
export function whyTakenAway(
  world: PlannedWorld,
  { group, side, rule }: { group: unknown; side: string; rule?: string },
): UnknownValue | undefined {
  for (const list of world.of('aws_vpc_security_group_rules_exclusive')) {
    const of = list.ref('security_group_id', 'group');
    const listed = list.refs(`${side}_rule_ids`, 'rule');
    const isListed = Array.isArray(listed) && listed.includes(rule);
    if ((of === group || isUnknownValue(of)) && !isListed)
      return unknownValue(`${list.id} takes away the rules of the group that it does not list`);
  }
  return undefined;
}
