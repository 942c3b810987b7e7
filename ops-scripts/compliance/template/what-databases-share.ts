// Subnet group and security groups, which database instances and clusters declare alike.
import { isUnknownValue, unknownValue } from '../snapshot.ts';
import type { Draft } from './draft.ts';
import { listOf, type Properties } from './resources.ts';
import { describeSubnetGroup } from './subnet-groups.ts';

export function subnetGroupOf(draft: Draft, name: unknown): Properties | undefined {
  const group = draft.find('AWS::RDS::DBSubnetGroup', name);
  return group && { DBSubnetGroupName: name, ...describeSubnetGroup(draft, group['SubnetIds']) };
}

export function attachedToDatabase(groups: unknown): unknown {
  if (groups === undefined) return unknownValue('it gets the default group of its VPC');
  return listOf(groups).map((group) =>
    isUnknownValue(group) ? group : { VpcSecurityGroupId: group, Status: 'active' },
  );
}
