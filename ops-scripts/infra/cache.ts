// The cache: ElastiCache primary and replicas in other zones, failover, encryption, a token. It never evicts, as
// queues live in it.
import { Fn } from 'aws-cdk-lib';
import { SubnetType, type Vpc } from 'aws-cdk-lib/aws-ec2';
import { CfnParameterGroup, CfnReplicationGroup, CfnSubnetGroup } from 'aws-cdk-lib/aws-elasticache';
import type { Construct } from 'constructs';
import type { StackSecurityGroups } from './network.ts';
import type { Secrets } from './parameters.ts';
import { ports, type Size } from './stack-options.ts';

export interface Cache {
  group: CfnReplicationGroup;
  /** Leads to the primary, also after a failover. */
  primaryAddress: string;
  nodes: number;
}

export function addCache(
  scope: Construct,
  { nodeType, nodes }: Size['cache'],
  { vpc, groups, secrets }: { vpc: Vpc; groups: StackSecurityGroups; secrets: Secrets },
): Cache {
  const subnets = new CfnSubnetGroup(scope, 'CacheSubnets', {
    description: 'Isolated subnets of three zones',
    subnetIds: vpc.selectSubnets({ subnetType: SubnetType.PRIVATE_ISOLATED }).subnetIds,
  });
  const settings = new CfnParameterGroup(scope, 'CacheSettings', {
    cacheParameterGroupFamily: 'valkey8',
    description: 'A queue must not be evicted',
    properties: { 'maxmemory-policy': 'noeviction' },
  });
  const group = new CfnReplicationGroup(scope, 'Cache', {
    replicationGroupDescription: 'Cache, queue and journal of the shop',
    engine: 'valkey',
    engineVersion: '8.1',
    cacheNodeType: nodeType,
    numCacheClusters: nodes,
    // Said, not left to AWS: only then can the template itself prove two zones.
    preferredCacheClusterAZs: vpc.availabilityZones.slice(0, nodes),
    multiAzEnabled: true,
    automaticFailoverEnabled: true,
    cacheSubnetGroupName: subnets.ref,
    cacheParameterGroupName: settings.ref,
    securityGroupIds: [groups.cache.securityGroupId],
    port: ports.cache,
    transitEncryptionEnabled: true,
    atRestEncryptionEnabled: true,
    authToken: secrets.cacheToken.secretValue.unsafeUnwrap(),
    snapshotRetentionLimit: 1,
  });
  return { group, primaryAddress: Fn.getAtt(group.logicalId, 'PrimaryEndPoint.Address').toString(), nodes };
}
