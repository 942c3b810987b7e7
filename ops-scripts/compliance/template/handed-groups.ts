// Finds resources that may change or attach what a template passes to them: groups, launch templates and parts.
import { type UnknownValue, unknownValue } from '../snapshot.ts';
import type { Draft } from './draft.ts';
import { isRecord } from './parse-template.ts';
import { listOf, type Properties, type Resource } from './resources.ts';
import { partsOf } from './text.ts';

/**
 * Custom resources, nested templates and third-party types. They may add rules to a group and attach it to anything.
 */
export const actsByItself =
  /^(AWS::CloudFormation::(Stack|StackSet|CustomResource)|.*::MODULE|AWS::Serverless::Application|AWS::ServiceCatalog::CloudFormationProvisionedProduct|(?!AWS::).*)$/;

/** Resources that run code or API calls of their own, which may use any resource that they get. */
const executes =
  /^(AWS::CloudFormation::CustomResource|Custom::.*|AWS::(Lambda|Serverless)::Function|AWS::(StepFunctions|Serverless)::StateMachine|AWS::Scheduler::Schedule|AWS::Events::Rule|AWS::SSM::(Association|Document|MaintenanceWindowTask)|AWS::CodeBuild::Project|AWS::ECS::TaskDefinition|AWS::Config::RemediationConfiguration)$/;

/** Resources that refer to a group and never attach it: rules, records, metrics. */
const givesToNobody =
  /^AWS::(EC2::(SecurityGroup\w*|NetworkAcl\w*|Subnet\w*|VPC$|VPC(Cidr|DHCP|Gateway|Peering)\w*|FlowLog|PrefixList|Route\w*)|SSM::Parameter$|CloudWatch::|Logs::|SNS::|SQS::|IAM::|KMS::|S3::|Route53(?!Resolver::ResolverEndpoint)|SecretsManager::(Secret$|ResourcePolicy)|WAF|Config::Config|ApplicationAutoScaling|AutoScaling::(LifecycleHook|ScalingPolicy|ScheduledAction)|CDK::Metadata|Budgets)/;

/** Parts of the stack. Their groups are read from their own properties. */
const declaresItsGroups =
  /^AWS::(EC2::(Instance|LaunchTemplate)$|AutoScaling|ElasticLoadBalancingV2|ElastiCache|RDS)/;

const launches = ['AWS::EC2::LaunchTemplate', 'AWS::AutoScaling::LaunchConfiguration'];

/** Why the group may get rules that the template does not contain. */
export function mayGainRules(draft: Draft, groupId: string): UnknownValue | undefined {
  const actor = rulesByOthers(draft).get(groupId);
  return actor && unknownValue(`${describe(actor)} gets this group and may add rules to it`);
}

const actorsOfDrafts = new WeakMap<Draft, Map<string, Resource>>();

/** For each group, the first resource that may add rules to it. Each resource is checked once. */
function rulesByOthers(draft: Draft): Map<string, Resource> {
  const before = actorsOfDrafts.get(draft);
  if (before !== undefined) return before;
  const actors = new Map<string, Resource>();
  actorsOfDrafts.set(draft, actors);
  const groups = draft.perhaps('AWS::EC2::SecurityGroup');
  const ids = new Set(groups.map(({ id }) => id));
  for (const resource of draft.resources) {
    for (const id of groupsItMayOpen(draft, resource, groups, ids)) {
      if (!actors.has(id)) actors.set(id, resource);
    }
  }
  return actors;
}

function groupsItMayOpen(
  draft: Draft,
  resource: Resource,
  groups: Resource[],
  ids: ReadonlySet<string>,
): string[] {
  const { type, refers, handed = new Set<string>(), opened, properties } = resource;
  if (opened) return [];
  const own = (names: ReadonlySet<string>) => [...names].filter((id) => ids.has(id));
  const mentioned = () =>
    groups
      .filter(({ properties: { GroupName: name } }) => name !== undefined && draft.mentions(resource, name))
      .map(({ id }) => id);
  const kind = kindOf(type);
  if (kind.actsByItself) return getsOpenRole(draft, resource) ? [...ids] : [...own(refers), ...mentioned()];
  const byPolicy = openedByPolicies(properties, own(refers));
  if (byPolicy === 'any') return [...ids];
  if (type.startsWith('AWS::IAM::')) return byPolicy;
  const byName = [...byPolicy, ...(kind.acts ? mentioned() : [])];
  if (kind.givesToNobody) return byName;
  const got = own(handed);
  if (got.length === 0 || (type.endsWith('::StateMachine') && !callsOthers(properties))) return byName;
  return [...byName, ...got];
}

/** An action that allows somebody to write the rules of a group, whatever else it allows. */
const writesRules = /^(ec2:)?\*$|^ec2:(Authorize|Modify|Create|Update)/i;

const opensGroups = ['ec2:AuthorizeSecurityGroupIngress', 'ec2:ModifySecurityGroupRules'];

/**
 * The groups that policies in these properties allow somebody to open. A policy that names no group may be about `any`,
 * unless it allows everything: operators have such policies, and they say nothing about groups.
 */
function openedByPolicies(properties: Properties, named: string[]): string[] | 'any' {
  const allowed = statementsIn(properties).filter(({ Effect: effect }) => effect !== 'Deny');
  if (named.length > 0)
    return allowed.some((statement) =>
      textsIn(statement['Action']).some((action) => writesRules.test(action)),
    )
      ? named
      : [];
  const isAny = allowed.some(
    (statement) =>
      textsIn(statement['Action']).some((action) => !isEverything(action) && mayOpen(action)) &&
      isOnAnyGroup(statement),
  );
  return isAny ? 'any' : [];
}

/** Whether an action of a policy, with or without wildcards, includes one that opens groups. */
function mayOpen(action: string): boolean {
  const escaped = action.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  const pattern = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i');
  return opensGroups.some((name) => pattern.test(name));
}

function isEverything(action: string): boolean {
  return /^(ec2:)?\*$/i.test(action);
}

function isOnAnyGroup({ Resource: on }: Properties): boolean {
  return on === undefined || listOf(on).some((each) => !namesOneGroup(each));
}

function textsIn(value: unknown): string[] {
  return listOf(value).filter((each) => typeof each === 'string');
}

const openManagedPolicies =
  /\/(AdministratorAccess|PowerUserAccess|Amazon(EC2|VPC)FullAccess|NetworkAdministrator)$/;

/** Whether one of the roles that the resource refers to may open any group, by its own policies or by AWS's. */
function getsOpenRole(draft: Draft, { refers, named }: Resource): boolean {
  const roles = draft.perhaps('AWS::IAM::Role').filter(({ id }) => refers.has(id) || named?.has(id));
  if (roles.length === 0) return false;
  const policies = ['AWS::IAM::Policy', 'AWS::IAM::RolePolicy', 'AWS::IAM::ManagedPolicy'].flatMap((type) =>
    draft
      .perhaps(type)
      .filter((policy) => roles.some((role) => policy.refers.has(role.id) || role.refers.has(policy.id))),
  );
  return [...roles, ...policies].some(
    ({ properties }) =>
      textsIn(properties['ManagedPolicyArns']).some((arn) => openManagedPolicies.test(arn)) ||
      statementsIn(properties).some(
        (statement) =>
          statement['Effect'] !== 'Deny' &&
          (statement['NotAction'] !== undefined || textsIn(statement['Action']).some(mayOpen)) &&
          isOnAnyGroup(statement),
      ),
  );
}

function statementsIn(value: unknown): Properties[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(statementsIn);
  return isRecord(value) && ('Action' in value || 'NotAction' in value) ? [value, ...inner] : inner;
}

/** Whether it is an ARN that ends in the id of one group, even if its region and account are unknown. */
function namesOneGroup(resource: unknown): boolean {
  const end = partsOf(resource).at(-1);
  return typeof end === 'string' && /:security-group\/[^*?/]+$/.test(end);
}

/** Services whose calls from a state machine only start something and change no group. */
const onlyStarts = /^(ecs|batch|eks|emr|emr-containers|glue|sagemaker|codebuild|sqs|sns|dynamodb|states)$/;

/** Whether a state machine calls anything that could change a group. An unreadable definition counts as such. */
function callsOthers({ DefinitionString, Definition }: Properties): boolean {
  const definition = DefinitionString ?? Definition;
  if (definition === undefined) return true;
  const text = typeof definition === 'string' ? definition : JSON.stringify(definition);
  if (
    text.includes('"$unknown"') ||
    /"Resource"\s*:\s*"\$\{/.test(text) ||
    text.includes('"Parallel"') ||
    text.includes('"Map"')
  )
    return true;
  const services = [...text.matchAll(/arn:[\w-]*:(?:states:::)?(?:aws-sdk:)?([\w-]+)/g)].map(
    ([, name]) => name,
  );
  return services.some((name) => !onlyStarts.test(name!)) || /aws-sdk:(ec2|ssm)/.test(text);
}

interface Kind {
  actsByItself: boolean;
  givesToNobody: boolean;
  declaresItsGroups: boolean;
  acts: boolean;
}

const kinds = new Map<string, Kind>();

/** Caches the kind of each type, because every resource is checked for every group. */
function kindOf(type: string): Kind {
  const before = kinds.get(type);
  if (before !== undefined) return before;
  const kind = {
    actsByItself: actsByItself.test(type),
    givesToNobody: givesToNobody.test(type),
    declaresItsGroups: declaresItsGroups.test(type),
    acts: actsByItself.test(type) || executes.test(type),
  };
  kinds.set(type, kind);
  return kind;
}

/**
 * Why the resource may attach the group to something that the template does not declare.
 * @param attached its groups that are certain
 */
export function mayBeAttached(
  draft: Draft,
  resource: Resource,
  { id: groupId, properties: { GroupName: name } }: Resource,
  attached: unknown[],
): UnknownValue | undefined {
  const { type, refers, handed, opened } = resource;
  const kind = kindOf(type);
  if (opened || kind.givesToNobody) return undefined;
  if (attached.some((group) => (group as { GroupId?: unknown }).GroupId === groupId)) return undefined;
  const gets = kind.declaresItsGroups
    ? handed?.has(groupId)
    : refers.has(groupId) || launchesWith(draft, refers, groupId);
  if (!gets && !(kind.acts && draft.mentions(resource, name))) return undefined;
  return unknownValue(`${describe(resource)} gets this group and may give it to others`);
}

/** Whether a launch template that the resource refers to has the group. */
function launchesWith(draft: Draft, refers: ReadonlySet<string>, groupId: string): boolean {
  return launches.some((type) =>
    draft.perhaps(type).some(({ id, refers: own }) => refers.has(id) && own.has(groupId)),
  );
}

/** Why the launch template may get versions that the template does not contain. */
export function mayGainVersions(draft: Draft, { id, properties }: Resource): UnknownValue | undefined {
  return reachedBy(draft, {
    actors: actsByItself,
    id,
    name: properties['LaunchTemplateName'],
    what: 'may change it',
  });
}

/** Why something outside of the template may set the size of the group. */
export function mayBeResized(draft: Draft, { id, properties }: Resource): UnknownValue | undefined {
  const name = properties['AutoScalingGroupName'];
  return (
    reachedBy(draft, { actors: actsByItself, id, name, what: 'may schedule other sizes' }) ??
    reachedBy(draft, { actors: executes, id, name, what: 'may set its size' })
  );
}

const customResource = /^(AWS::CloudFormation::CustomResource|Custom::.*)$/;

/** Types of which a part or a group consists, beside the part or group itself. */
const belongsToOthers =
  /^AWS::(ElasticLoadBalancingV2::ListenerRule|EC2::(SecurityGroup(In|E)gress|PrefixList|NetworkAcl|NetworkAclEntry)|ElastiCache::(SubnetGroup|UserGroup|User)|RDS::(DBSubnetGroup|DBProxy|DBProxyEndpoint|DBProxyTargetGroup)|AutoScaling::ScheduledAction)$/;

/** Marks the resources that a custom resource gets as uncertain: it may change or delete them. */
export function withUncertain(resources: Resource[]): Resource[] {
  const actors = resources.filter(({ type }) => customResource.test(type));
  if (actors.length === 0) return resources;
  return resources.map((resource) => {
    const { id, type, unknownReason } = resource;
    if (unknownReason !== undefined || !belongsToOthers.test(type)) return resource;
    const actor = actors.find(({ named }) => named?.has(id));
    if (actor === undefined) return resource;
    return { ...resource, unknownReason: unknownValue(`${describe(actor)} gets ${id} and may change it`) };
  });
}

/** Why something may change a part after its creation. */
export function mayBeChanged(draft: Draft, { id }: Resource, name: unknown): UnknownValue | undefined {
  return reachedBy(draft, { actors: customResource, id, name, what: 'may change it' });
}

interface Handed {
  /** The types that may do it. */
  actors: RegExp;
  /** The logical id of the resource that they get. */
  id: string;
  name: unknown;
  /** What they may do to the resource. */
  what: string;
}

function reachedBy(draft: Draft, { actors, id, name, what }: Handed): UnknownValue | undefined {
  const actor = draft.resources.find(
    (resource) =>
      actors.test(resource.type) &&
      !resource.opened &&
      (resource.named?.has(id) || draft.mentions(resource, name)),
  );
  return actor && unknownValue(`${describe(actor)} gets ${id} and ${what}`);
}

function describe({ id, type }: Resource): string {
  if (/::(Stack|Application)$/.test(type)) return `nested stack ${id}`;
  if (type.endsWith('::MODULE')) return `module ${id}`;
  if (/^Custom::|CustomResource$/.test(type)) return `custom resource ${id}`;
  return `${id} (${type})`;
}
