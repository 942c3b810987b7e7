// What AWS documents of resource types: the properties that give security groups, and the default port of each engine.
import { unknownValue } from '../snapshot.ts';

/**
 * Properties that name groups, as AWS's resource specification has them. Those that begin with `Source` name who may
 * come in; EMR adds rules to those that it manages.
 */
export const namesGroups =
  /^(GroupSet|(?!Source|Destination|Inbound|Associate|Use|DB|Db|Cache|Cluster|EC2|Input|Channel|CloneFrom)\w*SecurityGroups?(Id|Ids|IDs|IdList|Arns)?)$/;

/** Properties that name the subnets in which a resource stands; those that it leaves are no longer its own. */
export const namesSubnets = /^(?!Remove|Edns)\w*Subnets?(Id|Ids|IdList|Arns?)?$/i;

const gainsRules = /^(EmrManaged\w*|ServiceAccessSecurityGroups?|(Engine|Workspace)SecurityGroupId)$/;

/** Properties that hold groups further down, so that groups are unknown with them. */
export const containsGroups =
  /^(NetworkInterfaces|LaunchTemplate\w*|LaunchSpecifications|OptionSettings|VPC\w*|Vpc\w*|ResourcesVpcConfig|Network(?!Acl)\w*|AwsvpcConfiguration|AwsVpcConfiguration|Compute\w*|BrokerNodeGroupInfo|Instances|HostedRotationLambda|ConnectionInput|PhysicalConnectionRequirements|EcsParameters|Ec2Config|EndpointDetails)$/;

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

/** The documented default port of each engine, for stores whose template names none. Engine names in any case. */
const defaultPorts: [RegExp, number][] = [
  [/postgres/i, 5432],
  [/mysql|mariadb|aurora/i, 3306],
  [/oracle/i, 1521],
  [/sqlserver/i, 1433],
  [/db2/i, 50000],
  [/redis|valkey/i, 6379],
  [/memcached/i, 11211],
];

/** The port as a number; an unknown value where neither port nor engine tells it. */
export function portOf(port: unknown, engine: unknown): unknown {
  if (port !== undefined) return typeof port === 'string' ? Number(port) : port;
  const found = typeof engine === 'string' ? defaultPorts.find(([name]) => name.test(engine)) : undefined;
  return found?.[1] ?? unknownValue('neither the port nor a known engine is declared');
}
