// Facts that AWS documents about resource types: properties with security groups, and the default port of each engine.
import { unknownValue } from '../snapshot.ts';

/**
 * Properties with groups, by AWS's resource specification. Names that begin with `Source` say who may connect. EMR adds
 * rules to the groups that it manages.
 */
export const namesGroups =
  /^(GroupSet|(?!Source|Destination|Inbound|Associate|Use|DB|Db|Cache|Cluster|EC2|Input|Channel|CloneFrom)\w*SecurityGroups?(Id|Ids|IDs|IdList|Arns)?)$/;

/** Properties with the subnets of a resource. Subnets that it is removed from are no longer its own. */
export const namesSubnets = /^(?!Remove|Edns)\w*Subnets?(Id|Ids|IdList|Arns?)?$/i;

const gainsRules = /^(EmrManaged\w*|ServiceAccessSecurityGroups?|(Engine|Workspace)SecurityGroupId)$/;

/** Properties that may contain groups at a deeper level. If such a property is unknown, groups are unknown. */
export const containsGroups =
  /^(NetworkInterfaces|LaunchTemplate\w*|LaunchSpecifications|OptionSettings|VPC\w*|Vpc\w*|ResourcesVpcConfig|Network(?!Acl)\w*|AwsvpcConfiguration|AwsVpcConfiguration|Compute\w*|BrokerNodeGroupInfo|Instances|HostedRotationLambda|ConnectionInput|PhysicalConnectionRequirements|EcsParameters|Ec2Config|EndpointDetails)$/;

/** Types whose properties describe what others do. They only pass on the groups in these properties. */
export const handsOn = /^AWS::(SSM|Config|CodePipeline|FIS|StepFunctions)::/;

/** Whether a property attaches groups to the resource itself and does nothing else with them. */
export function isOwnGroupProperty(key: string, within: Record<string, unknown>): boolean {
  if (namesGroups.test(key)) return !gainsRules.test(key);
  // EKS lets these groups into a group that it creates itself.
  return key === 'SourceSecurityGroups' || (['Value', 'URI'].includes(key) && isGroupOption(within));
}

/** Elastic Beanstalk and Lambda's event sources give the name of a setting in a property of its own. */
export function isGroupOption({ OptionName: option, Type: type }: Record<string, unknown>): boolean {
  return type === 'VPC_SECURITY_GROUP' || (typeof option === 'string' && /SecurityGroups?$/.test(option));
}

/**
 * The documented default port of each engine, for stores whose template has no port. Engine names may be in any case.
 */
const defaultPorts: [RegExp, number][] = [
  [/postgres/i, 5432],
  [/mysql|mariadb|aurora/i, 3306],
  [/oracle/i, 1521],
  [/sqlserver/i, 1433],
  [/db2/i, 50000],
  [/redis|valkey/i, 6379],
  [/memcached/i, 11211],
];

/** The port as a number; an unknown value if neither the port nor the engine shows it. */
export function portOf(port: unknown, engine: unknown): unknown {
  if (port !== undefined) return typeof port === 'string' ? Number(port) : port;
  const found = typeof engine === 'string' ? defaultPorts.find(([name]) => name.test(engine)) : undefined;
  return found?.[1] ?? unknownValue('neither the port nor a known engine is declared');
}
