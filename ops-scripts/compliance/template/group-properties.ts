// The names of properties that give security groups to a resource, whatever its type.

/**
 * Properties that name groups, as AWS's resource specification has them. Those that begin with `Source` name who may
 * come in; EMR adds rules to those that it manages.
 */
export const namesGroups =
  /^(GroupSet|(?!Source|Destination|Inbound|DB|Db|Cache|Cluster|EC2|Ec2|Input|Channel|CloneFrom)\w*SecurityGroups?(Id|Ids|IDs|IdList|Arns)?)$/;

const gainsRules = /^(EmrManaged\w*|ServiceAccessSecurityGroups?|(Engine|Workspace)SecurityGroupId)$/;

/** Properties that hold groups further down, so that groups are unknown with them. */
export const containsGroups =
  /^(NetworkInterfaces|LaunchTemplate\w*|LaunchSpecifications|OptionSettings|VPC\w*|Vpc\w*|ResourcesVpcConfig|Network\w*|AwsvpcConfiguration|AwsVpcConfiguration|Compute\w*|BrokerNodeGroupInfo|Instances|HostedRotationLambda|ConnectionInput|PhysicalConnectionRequirements|EcsParameters|Ec2Config|EndpointDetails)$/;

/** Types whose properties are what they say to others: what these call groups they only hand on. */
export const handsOn = /^AWS::(SSM|Config|CodePipeline|FIS|StepFunctions)::/;

/** Whether a property attaches groups to the resource itself, and does nothing else with them. */
export function isOwnGroupProperty(key: string, within: Record<string, unknown>): boolean {
  if (namesGroups.test(key)) return !gainsRules.test(key);
  // EKS lets these in to a group that it makes itself.
  return key === 'SourceSecurityGroups' || (['Value', 'URI'].includes(key) && isGroupOption(within));
}

/** Elastic Beanstalk names what it sets in a property, and so does Lambda for its event sources. */
export function isGroupOption({ OptionName: option, Type: type }: Record<string, unknown>): boolean {
  return type === 'VPC_SECURITY_GROUP' || (typeof option === 'string' && /SecurityGroups?$/.test(option));
}
