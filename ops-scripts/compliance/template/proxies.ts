// Database proxies as RDS would describe them, with their registered databases and further endpoints.
import { isUnknownValue, unknownValue } from '../snapshot.ts';
import { logicalIdOf } from './databases.ts';
import type { Draft } from './draft.ts';
import { listOf, type Resource } from './resources.ts';

const proxyType = 'AWS::RDS::DBProxy';

export function answerProxies(draft: Draft): void {
  draft.answer('rds', 'DescribeDBProxies', {
    DBProxies: draft.items(proxyType, (proxy) => ({
      DBProxyName: nameOf(proxy),
      DBProxyArn: proxy.id,
      Status: 'available',
      EngineFamily: proxy.properties['EngineFamily'],
      VpcSecurityGroupIds: listOf(proxy.properties['VpcSecurityGroupIds']),
      VpcSubnetIds: listOf(proxy.properties['VpcSubnetIds']),
    })),
  });
  for (const proxy of draft.of(proxyType)) {
    const DBProxyName = nameOf(proxy);
    const Targets = targetsOf(draft, proxy);
    draft.answer('rds', 'DescribeDBProxyTargets', { Targets }, { DBProxyName });
    draft.answer(
      'rds',
      'DescribeDBProxyEndpoints',
      { DBProxyEndpoints: endpointsOf(draft, proxy) },
      { DBProxyName },
    );
  }
}

function nameOf({ id, properties }: Resource): unknown {
  return properties['DBProxyName'] ?? id;
}

/** The resources that name this proxy, or may do so, by reference or by its name. */
function ofProxy(draft: Draft, type: string, proxy: Resource): Resource[] {
  return draft.perhaps(type).filter(({ properties: { DBProxyName: name } }) => {
    return isUnknownValue(name) || name === proxy.id || name === nameOf(proxy);
  });
}

function targetsOf(draft: Draft, proxy: Resource): unknown {
  const groups = ofProxy(draft, 'AWS::RDS::DBProxyTargetGroup', proxy);
  if (groups.length === 0)
    return unknownValue(`no target group of proxy ${proxy.id} is in the template, another stack may have it`);
  return groups.flatMap(({ unknownReason, properties }) => {
    if (unknownReason !== undefined) return [unknownReason];
    if (isUnknownValue(properties['DBProxyName'])) return [properties['DBProxyName']];
    return [
      ...listOf(properties['DBClusterIdentifiers']).map((name) => logicalIdOf(draft, 'DBCluster', name)),
      ...listOf(properties['DBInstanceIdentifiers']).map((name) => logicalIdOf(draft, 'DBInstance', name)),
    ].map((name) => (isUnknownValue(name) ? name : { RdsResourceId: name }));
  });
}

function endpointsOf(draft: Draft, proxy: Resource): unknown[] {
  return ofProxy(draft, 'AWS::RDS::DBProxyEndpoint', proxy).map(({ id, unknownReason, properties }) => {
    if (unknownReason !== undefined) return unknownReason;
    if (isUnknownValue(properties['DBProxyName'])) return properties['DBProxyName'];
    const groups = properties['VpcSecurityGroupIds'];
    return {
      DBProxyEndpointName: properties['DBProxyEndpointName'] ?? id,
      DBProxyEndpointArn: id,
      DBProxyName: nameOf(proxy),
      IsDefault: false,
      TargetRole: properties['TargetRole'] ?? 'READ_WRITE',
      VpcSubnetIds: listOf(properties['VpcSubnetIds']),
      VpcSecurityGroupIds:
        groups === undefined ? unknownValue('it gets the default group of its VPC') : listOf(groups),
    };
  });
}
