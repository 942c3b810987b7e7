// A subnet group of a store, in the shape that both RDS and ElastiCache answer.

import { zoneOfSubnet } from './balancers.ts';
import type { Draft } from './draft.ts';
import { listOf, type Properties } from './resources.ts';

export function describeSubnetGroup(draft: Draft, subnetIds: unknown): Properties {
  const subnets = listOf(subnetIds).map((subnet) => {
    const { SubnetId, ZoneName } = zoneOfSubnet(draft, subnet);
    return { SubnetIdentifier: SubnetId, SubnetAvailabilityZone: { Name: ZoneName }, SubnetStatus: 'Active' };
  });
  const [first] = listOf(subnetIds);
  return { VpcId: draft.find('AWS::EC2::Subnet', first)?.['VpcId'], Subnets: subnets };
}
