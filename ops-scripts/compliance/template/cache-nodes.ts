// Security groups and zones of cache nodes; a zone that the template leaves out is chosen by AWS.
import { isUnknownValue, unknownValue } from '../snapshot.ts';
import { listOf, type Properties } from './resources.ts';

export const placedByAws = unknownValue('the template leaves the zone of each node to AWS');

/** Zones of nodes that are spread, where no subnets tell them. */
export const zonesOfElastiCache = [1, 2].map((number) => `zone ${number} of the choice of ElastiCache`);

/** The zone of all nodes of a cluster that is not spread: AWS picks it, and whichever it is, it is one. */
export const zoneOfChoice = 'one zone of the choice of AWS';

export function attachedToNodes(properties: Properties): Properties {
  return {
    CacheSubnetGroupName: properties['CacheSubnetGroupName'],
    SecurityGroups: listOf(properties['SecurityGroupIds'] ?? properties['VpcSecurityGroupIds']).map(
      (group) => (isUnknownValue(group) ? group : { SecurityGroupId: group, Status: 'active' }),
    ),
  };
}
