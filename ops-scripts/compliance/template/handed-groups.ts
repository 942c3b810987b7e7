// What may become of a security group that is handed to something whose doings the template does not tell.
import { type UnknownValue, unknownValue } from '../snapshot.ts';
import type { Draft } from './draft.ts';
import type { Resource } from './resources.ts';

/** Code of its own, or a template that is not given: it may add rules to a group, and let anything wear it. */
const actsByItself =
  /^(AWS::CloudFormation::(Stack|StackSet|CustomResource)|Custom::.*|.*::MODULE|AWS::Serverless::Application|AWS::ServiceCatalog::CloudFormationProvisionedProduct)$/;

/** They name a group and give it to nobody: rules, records, permissions, measurements. */
const givesToNobody =
  /^AWS::(EC2::(SecurityGroup\w*|NetworkAcl\w*|Subnet\w*|VPC|FlowLog|PrefixList|Route\w*)|SSM::Parameter|CloudWatch::|Logs::|SNS::|SQS::|IAM::|KMS::|S3::|Route53|SecretsManager::Secret|WAF|Config::|ApplicationAutoScaling|AutoScaling::(LifecycleHook|ScalingPolicy|ScheduledAction)|CDK::Metadata|Budgets)/;

/** Parts of the stack declare what they wear in properties that are read. */
const declaresWhatItWears =
  /^AWS::(EC2::(Instance|LaunchTemplate)|AutoScaling|ElasticLoadBalancingV2|ElastiCache|RDS)/;

/** Why rules of the group may be added that the template does not tell. */
export function mayGainRules(draft: Draft, groupId: string): UnknownValue | undefined {
  const actor = draft.resources.find(({ type, refers }) => actsByItself.test(type) && refers.has(groupId));
  return actor && unknownValue(`${describe(actor)} gets this group and may add rules to it`);
}

/** Why something beside what is told may wear the group. @param worn the groups that it wears for certain */
export function mayBeWorn(resource: Resource, groupId: string, worn: unknown[]): UnknownValue | undefined {
  const { type, refers } = resource;
  if (!refers.has(groupId) || givesToNobody.test(type) || declaresWhatItWears.test(type)) return undefined;
  if (worn.some((group) => (group as { GroupId?: unknown }).GroupId === groupId)) return undefined;
  return unknownValue(`${describe(resource)} gets this group and may give it to others`);
}

function describe({ id, type }: Resource): string {
  if (/::Stack$/.test(type)) return `nested stack ${id}`;
  if (type.endsWith('::MODULE')) return `module ${id}`;
  if (actsByItself.test(type)) return `custom resource ${id}`;
  return `${id} (${type})`;
}
