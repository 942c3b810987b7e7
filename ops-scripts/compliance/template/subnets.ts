// The zones of a template's subnets, and subnet groups in the shape that both RDS and ElastiCache answer.
import { isUnknownValue, unknownValue } from '../snapshot.ts';
import type { Draft } from './draft.ts';
import { listOf, type Properties } from './resources.ts';

/** The zone of a subnet is unknown where the template does not declare the subnet. */
export function zoneOfSubnet(draft: Draft, subnet: unknown): Properties {
  if (isUnknownValue(subnet)) return { SubnetId: subnet, ZoneName: subnet };
  const declared = draft.find('AWS::EC2::Subnet', subnet);
  const ZoneName =
    declared === undefined
      ? unknownValue(`subnet ${String(subnet)} is not in the template`)
      : (declared['AvailabilityZone'] ??
        declared['AvailabilityZoneId'] ??
        unknownValue('the template leaves the zone of the subnet to AWS'));
  return { SubnetId: subnet, ZoneName };
}

export function describeSubnetGroup(draft: Draft, subnetIds: unknown): Properties {
  const subnets = listOf(subnetIds).map((subnet) => {
    const { SubnetId, ZoneName } = zoneOfSubnet(draft, subnet);
    return { SubnetIdentifier: SubnetId, SubnetAvailabilityZone: { Name: ZoneName }, SubnetStatus: 'Active' };
  });
  const [first] = listOf(subnetIds);
  return { VpcId: draft.find('AWS::EC2::Subnet', first)?.['VpcId'], Subnets: subnets };
}
