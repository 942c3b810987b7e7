// Security groups that a template passes to resources which may change or attach them unseen.
import { type UnknownValue, unknownValue } from '../snapshot.ts';
import type { Draft } from './draft.ts';
import type { Resource } from './resources.ts';

/** Custom resources and nested templates: they may add rules to a group and attach it to anything. */
const actsByItself =
  /^(AWS::CloudFormation::(Stack|StackSet|CustomResource)|Custom::.*|.*::MODULE|AWS::Serverless::Application|AWS::ServiceCatalog::CloudFormationProvisionedProduct)$/;

/** Resources that refer to a group and never attach it: rules, records, permissions, metrics. */
const givesToNobody =
  /^AWS::(EC2::(SecurityGroup\w*|NetworkAcl\w*|Subnet\w*|VPC|FlowLog|PrefixList|Route\w*)|SSM::Parameter|CloudWatch::|Logs::|SNS::|SQS::|IAM::|KMS::|S3::|Route53|SecretsManager::Secret|WAF|Config::|ApplicationAutoScaling|AutoScaling::(LifecycleHook|ScalingPolicy|ScheduledAction)|CDK::Metadata|Budgets)/;

/** Parts of the stack, whose groups are read from their own properties. */
const declaresItsGroups =
  /^AWS::(EC2::(Instance|LaunchTemplate)|AutoScaling|ElasticLoadBalancingV2|ElastiCache|RDS)/;

/** Why rules of the group may be added that the template does not tell. */
export function mayGainRules(draft: Draft, groupId: string): UnknownValue | undefined {
  const actor = draft.resources.find(({ type, refers }) => actsByItself.test(type) && refers.has(groupId));
  return actor && unknownValue(`${describe(actor)} gets this group and may add rules to it`);
}

/** Why the resource may attach the group to something unseen. @param attached its groups that are certain */
export function mayBeAttached(
  resource: Resource,
  groupId: string,
  attached: unknown[],
): UnknownValue | undefined {
  const { type, refers } = resource;
  if (!refers.has(groupId) || givesToNobody.test(type) || declaresItsGroups.test(type)) return undefined;
  if (attached.some((group) => (group as { GroupId?: unknown }).GroupId === groupId)) return undefined;
  return unknownValue(`${describe(resource)} gets this group and may give it to others`);
}

function describe({ id, type }: Resource): string {
  if (/::Stack$/.test(type)) return `nested stack ${id}`;
  if (type.endsWith('::MODULE')) return `module ${id}`;
  if (actsByItself.test(type)) return `custom resource ${id}`;
  return `${id} (${type})`;
}
