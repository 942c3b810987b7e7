// The table of all AWS calls, and the IAM policy that allows exactly them: collection and policy cannot differ.

import {
  DescribeAutoScalingGroupsCommand,
  DescribeLaunchConfigurationsCommand,
  DescribeScheduledActionsCommand,
} from '@aws-sdk/client-auto-scaling';
import {
  DescribeAvailabilityZonesCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeManagedPrefixListsCommand,
  DescribeNetworkAclsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  GetManagedPrefixListEntriesCommand,
} from '@aws-sdk/client-ec2';
import {
  DescribeListenersCommand,
  DescribeLoadBalancerAttributesCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTagsCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  DescribeCacheClustersCommand,
  DescribeCacheSubnetGroupsCommand,
  DescribeReplicationGroupsCommand,
  DescribeServerlessCachesCommand,
  DescribeUserGroupsCommand,
  DescribeUsersCommand,
  ListTagsForResourceCommand,
} from '@aws-sdk/client-elasticache';
import {
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  DescribeDBProxiesCommand,
  DescribeDBProxyEndpointsCommand,
  DescribeDBProxyTargetsCommand,
  DescribeDBSubnetGroupsCommand,
} from '@aws-sdk/client-rds';
import { ListHostedZonesCommand, ListResourceRecordSetsCommand } from '@aws-sdk/client-route-53';
import type { ClientName, CommandOf } from '../snapshot.ts';
import * as inputs from './call-inputs.ts';
import {
  type CollectedAnswers,
  marker,
  type NextPage,
  nextMarker,
  nextRecord,
  nextToken,
  truncatedMarker,
} from './call-inputs.ts';

export interface TableCall {
  client: ClientName;
  command: string;
  /** The IAM permission that the call needs. */
  action: string;
  Command: new (input: never) => object;
  /** The property whose items are the answer. An answer without it counts as garbled. */
  list: string;
  nextPage?: NextPage;
  /** Sent with each page. It is no part of the call's key in the snapshot. */
  pageSize?: Record<string, number>;
  /** Returns the inputs of the calls to make, from what earlier rounds returned. Absent: one call without input. */
  inputs?: (answers: CollectedAnswers) => object[];
}

const actionPrefix: Record<ClientName, string> = {
  elbv2: 'elasticloadbalancing',
  autoscaling: 'autoscaling',
  elasticache: 'elasticache',
  rds: 'rds',
  ec2: 'ec2',
  route53: 'route53',
};

/** The calls in rounds. A round begins when the one before it has ended, because its inputs come from there. */
export const callRounds: TableCall[][] = [
  [
    call('elbv2', 'DescribeLoadBalancers', DescribeLoadBalancersCommand, 'LoadBalancers', nextMarker),
    call('elbv2', 'DescribeTargetGroups', DescribeTargetGroupsCommand, 'TargetGroups', nextMarker),
    call(
      'autoscaling',
      'DescribeAutoScalingGroups',
      DescribeAutoScalingGroupsCommand,
      'AutoScalingGroups',
      nextToken,
    ),
    call(
      'autoscaling',
      'DescribeLaunchConfigurations',
      DescribeLaunchConfigurationsCommand,
      'LaunchConfigurations',
      nextToken,
    ),
    call(
      'autoscaling',
      'DescribeScheduledActions',
      DescribeScheduledActionsCommand,
      'ScheduledUpdateGroupActions',
      nextToken,
    ),
    call(
      'elasticache',
      'DescribeReplicationGroups',
      DescribeReplicationGroupsCommand,
      'ReplicationGroups',
      marker,
    ),
    call(
      'elasticache',
      'DescribeServerlessCaches',
      DescribeServerlessCachesCommand,
      'ServerlessCaches',
      nextToken,
    ),
    call(
      'elasticache',
      'DescribeCacheSubnetGroups',
      DescribeCacheSubnetGroupsCommand,
      'CacheSubnetGroups',
      marker,
    ),
    {
      ...call('elasticache', 'DescribeCacheClusters', DescribeCacheClustersCommand, 'CacheClusters', marker),
      inputs: () => [{ ShowCacheNodeInfo: true }],
    },
    call('elasticache', 'DescribeUserGroups', DescribeUserGroupsCommand, 'UserGroups', marker),
    call('elasticache', 'DescribeUsers', DescribeUsersCommand, 'Users', marker),
    call('rds', 'DescribeDBInstances', DescribeDBInstancesCommand, 'DBInstances', marker),
    call('rds', 'DescribeDBClusters', DescribeDBClustersCommand, 'DBClusters', marker),
    call('rds', 'DescribeDBProxies', DescribeDBProxiesCommand, 'DBProxies', marker),
    call('rds', 'DescribeDBSubnetGroups', DescribeDBSubnetGroupsCommand, 'DBSubnetGroups', marker),
    ec2('DescribeSecurityGroups', DescribeSecurityGroupsCommand, 'SecurityGroups', 1000),
    ec2('DescribeSecurityGroupRules', DescribeSecurityGroupRulesCommand, 'SecurityGroupRules', 1000),
    ec2('DescribeNetworkInterfaces', DescribeNetworkInterfacesCommand, 'NetworkInterfaces', 1000),
    ec2('DescribeSubnets', DescribeSubnetsCommand, 'Subnets', 1000),
    ec2('DescribeVpcs', DescribeVpcsCommand, 'Vpcs', 1000),
    ec2('DescribeInstances', DescribeInstancesCommand, 'Reservations', 1000),
    ec2('DescribeManagedPrefixLists', DescribeManagedPrefixListsCommand, 'PrefixLists', 100),
    ec2('DescribeNetworkAcls', DescribeNetworkAclsCommand, 'NetworkAcls', 1000),
    ec2('DescribeRouteTables', DescribeRouteTablesCommand, 'RouteTables', 100),
    call('ec2', 'DescribeAvailabilityZones', DescribeAvailabilityZonesCommand, 'AvailabilityZones'),
    call('route53', 'ListHostedZones', ListHostedZonesCommand, 'HostedZones', truncatedMarker),
  ],
  [
    {
      ...call('elbv2', 'DescribeListeners', DescribeListenersCommand, 'Listeners', nextMarker),
      inputs: inputs.eachLoadBalancer,
    },
    {
      ...call('elbv2', 'DescribeLoadBalancerAttributes', DescribeLoadBalancerAttributesCommand, 'Attributes'),
      inputs: inputs.eachLoadBalancer,
    },
    {
      ...call('elbv2', 'DescribeTargetHealth', DescribeTargetHealthCommand, 'TargetHealthDescriptions'),
      inputs: inputs.eachTargetGroup,
    },
    {
      ...call('elbv2', 'DescribeTags', DescribeTagsCommand, 'TagDescriptions'),
      inputs: inputs.loadBalancersByTwenties,
    },
    {
      ...call('elasticache', 'ListTagsForResource', ListTagsForResourceCommand, 'TagList'),
      inputs: inputs.eachCache,
    },
    {
      ...call('rds', 'DescribeDBProxyTargets', DescribeDBProxyTargetsCommand, 'Targets', marker),
      inputs: inputs.eachProxy,
    },
    {
      ...call('rds', 'DescribeDBProxyEndpoints', DescribeDBProxyEndpointsCommand, 'DBProxyEndpoints', marker),
      inputs: inputs.eachProxy,
    },
    {
      ...ec2('GetManagedPrefixListEntries', GetManagedPrefixListEntriesCommand, 'Entries', 100),
      inputs: inputs.eachNamedPrefixList,
    },
    {
      ...ec2(
        'DescribeLaunchTemplateVersions',
        DescribeLaunchTemplateVersionsCommand,
        'LaunchTemplateVersions',
        200,
      ),
      inputs: inputs.eachUsedLaunchTemplate,
    },
    {
      ...call(
        'route53',
        'ListResourceRecordSets',
        ListResourceRecordSetsCommand,
        'ResourceRecordSets',
        nextRecord,
      ),
      inputs: inputs.eachHostedZone,
    },
  ],
  [
    {
      ...call('elbv2', 'DescribeRules', DescribeRulesCommand, 'Rules', nextMarker),
      inputs: inputs.eachListener,
    },
  ],
];

function call<C extends ClientName>(
  client: C,
  command: CommandOf<C>,
  Command: TableCall['Command'],
  list: string,
  nextPage?: NextPage,
): TableCall {
  return { client, command, action: `${actionPrefix[client]}:${command}`, Command, list, nextPage };
}

function ec2(
  command: CommandOf<'ec2'>,
  Command: TableCall['Command'],
  list: string,
  MaxResults: number,
): TableCall {
  // Without MaxResults, EC2 tries to return everything at once, and refuses to do so for large accounts.
  const pageSize = { MaxResults };
  return { ...call('ec2', command, Command, list, nextToken), pageSize };
}

/** Returns the policy that collection needs. GetCallerIdentity is called too, but it needs no permission. */
export function iamPolicy() {
  const actions = callRounds.flat().map((call) => call.action);
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'ReadWhatComplianceJudges',
        Effect: 'Allow',
        Action: [...new Set(actions)].sort(),
        // These actions either support no resource-level permissions or are called for all resources.
        Resource: '*',
      },
    ],
  };
}
