// Database clusters as RDS would describe them, with declared members or those that RDS creates itself.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { logicalIdOf } from './database-names.ts';
import type { Draft } from './draft.ts';
import { portOf } from './engine-ports.ts';
import { hardeningOfCluster, isPublic } from './hardening-defaults.ts';
import type { Properties, Resource } from './resources.ts';
import { attachedToDatabase, subnetGroupOf } from './what-databases-share.ts';

/** Zones of a Multi-AZ cluster whose subnets don't tell them: RDS picks three different ones. */
export const zonesOfRds = [1, 2, 3].map((number) => `zone ${number} of the choice of RDS`);

export function describeCluster(draft: Draft, cluster: Resource): Properties {
  const { id, properties } = cluster;
  const members = membersOf(draft, cluster);
  return {
    DBClusterIdentifier: id,
    DBClusterArn: id,
    Status: 'available',
    Engine: properties['Engine'],
    EngineMode: properties['EngineMode'] ?? 'provisioned',
    Port: portOf(properties['Port'], properties['Engine']),
    DBClusterMembers: members.map((member, index) =>
      isUnknownValue(member) ? member : { DBInstanceIdentifier: member, IsClusterWriter: index === 0 },
    ),
    ReplicationSourceIdentifier: properties['ReplicationSourceIdentifier'],
    ...hardeningOfCluster(properties),
    VpcSecurityGroups: attachedToDatabase(properties['VpcSecurityGroupIds']),
    DBSubnetGroup: properties['DBSubnetGroupName'],
    TagList: properties['Tags'] ?? [],
  };
}

/** Each member by its identifier; an unknown value for one that there may be. */
function membersOf(draft: Draft, { id, properties }: Resource): (string | UnknownValue)[] {
  const members = draft.perhaps('AWS::RDS::DBInstance').flatMap((instance) => {
    const of = instance.properties['DBClusterIdentifier'];
    if (isUnknownValue(of)) return [of];
    return logicalIdOf(draft, 'DBCluster', of) === id ? [instance.unknownReason ?? instance.id] : [];
  });
  const kind = [properties['DBClusterInstanceClass'], properties['EngineMode']].find(isUnknownValue);
  const own = kind === undefined ? multiAzMemberIds(id, properties) : [kind];
  if (members.length + own.length > 0 || properties['EngineMode'] === 'serverless')
    return [...members, ...own];
  return isNameable(draft, id, properties)
    ? [unknownValue(`no instance of ${id} is in the template, and another stack may add some`)]
    : [];
}

/** Whether another stack gets to know the cluster's name, without which it can add no instance. */
function isNameable(draft: Draft, id: string, properties: Properties): boolean {
  const named = `"${id}"`;
  return (
    properties['DBClusterIdentifier'] !== undefined ||
    JSON.stringify(draft.outputs).includes(named) ||
    draft.resources.some(
      ({ type, properties: own }) =>
        type === 'AWS::CloudFormation::Stack' && JSON.stringify(own).includes(named),
    )
  );
}

/** A cluster with an instance class of its own is no Aurora: one writer and two readers, in three zones. */
function isMultiAzCluster(properties: Properties): boolean {
  const { DBClusterInstanceClass: own, Engine: engine } = properties;
  return own !== undefined && !isUnknownValue(own) && !/aurora/i.test(String(engine));
}

function multiAzMemberIds(id: string, properties: Properties): string[] {
  return isMultiAzCluster(properties) ? [1, 2, 3].map((number) => `${id}-instance-${number}`) : [];
}

export function describeMultiAzMembers(draft: Draft, { id, properties }: Resource): Properties[] {
  const group = subnetGroupOf(draft, properties['DBSubnetGroupName']);
  const zones = zonesOfMembers(group);
  return multiAzMemberIds(id, properties).map((member, index) => ({
    DBInstanceIdentifier: member,
    DBInstanceArn: member,
    DBInstanceStatus: 'available',
    Engine: properties['Engine'],
    MultiAZ: false,
    PubliclyAccessible: isPublic(properties),
    AvailabilityZone: zones[index % zones.length],
    DBClusterIdentifier: id,
    Endpoint: {
      Address: `${member}.endpoint`,
      Port: portOf(properties['Port'], properties['Engine']),
    },
    VpcSecurityGroups: attachedToDatabase(properties['VpcSecurityGroupIds']),
    DBSubnetGroup: group,
    TagList: [],
  }));
}

/** RDS spreads the three members over as many zones as the subnet group has. */
function zonesOfMembers(group: Properties | undefined): unknown[] {
  const subnets = (group?.['Subnets'] ?? []) as { SubnetAvailabilityZone: { Name: unknown } }[];
  const zones = subnets.map((subnet) => subnet.SubnetAvailabilityZone.Name);
  return zones.length === 0 || zones.some(isUnknownValue) ? zonesOfRds : [...new Set(zones)];
}
