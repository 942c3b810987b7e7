// The AWS calls that controls may read, with the types of their answers; `collect` makes exactly these.
//
// With what input each is made (`elbv2`, `autoscaling` … are the clients' names in a snapshot's keys):
//
//   elbv2         DescribeLoadBalancers, DescribeTargetGroups            no input
//                 DescribeListeners({LoadBalancerArn}),
//                 DescribeLoadBalancerAttributes({LoadBalancerArn})      one a load balancer
//                 DescribeRules({ListenerArn})                           one a listener (for targets of rules)
//                 DescribeTargetHealth({TargetGroupArn})                 one a target group
//                 DescribeTags({ResourceArns: [≤ 20 ARNs]})              load balancers
//   autoscaling   DescribeAutoScalingGroups                              no input (tags are in the answer)
//                 DescribeLaunchConfigurations, DescribeScheduledActions no input
//   elasticache   DescribeReplicationGroups, DescribeServerlessCaches,
//                 DescribeCacheSubnetGroups, DescribeUserGroups,
//                 DescribeUsers                                          no input
//                 DescribeCacheClusters({ShowCacheNodeInfo: true})
//                 ListTagsForResource({ResourceName: ARN})               one a replication group, serverless cache and
//                                                                        cluster outside any replication group
//   rds           DescribeDBInstances, DescribeDBClusters, DescribeDBProxies,
//                 DescribeDBSubnetGroups                                 no input (tags are in TagList)
//                 DescribeDBProxyTargets({DBProxyName}),
//                 DescribeDBProxyEndpoints({DBProxyName})                one a proxy
//   ec2           DescribeSecurityGroups, DescribeSecurityGroupRules, DescribeNetworkInterfaces, DescribeSubnets,
//                 DescribeVpcs, DescribeInstances, DescribeManagedPrefixLists, DescribeNetworkAcls,
//                 DescribeRouteTables, DescribeAvailabilityZones         no input
//                 GetManagedPrefixListEntries({PrefixListId})            one a prefix list that a rule names
//                 DescribeLaunchTemplateVersions({LaunchTemplateId, Versions: ["3" | "$Latest" | "$Default"]})
//                                                                        one a template that a group uses (its
//                                                                        LaunchTemplateName instead where it has no id)
//   route53       ListHostedZones                                        no input
//                 ListResourceRecordSets({HostedZoneId})                 one a zone, Id as ListHostedZones gives it
//
// Readers are liberal: a call keyed with other input, or none, is read too where its answer holds what is looked for.
// From a template: same keys, answers shaped as AWS would give them once deployed (identifiers are logical ids, an
// ARN is any text that is unique). A property that can't be known is `unknownValue(reason)`; a call that can't be
// known is an error of name `UnknownInTemplate`. DescribeNetworkInterfaces and DescribeInstances answer with the
// interfaces and instances that the template declares, or empty lists. A part's groups are read from the part.
import type {
  DescribeAutoScalingGroupsCommandOutput,
  DescribeLaunchConfigurationsCommandOutput,
  DescribeScheduledActionsCommandOutput,
} from '@aws-sdk/client-auto-scaling';
import type {
  DescribeAvailabilityZonesCommandOutput,
  DescribeInstancesCommandOutput,
  DescribeLaunchTemplateVersionsCommandOutput,
  DescribeManagedPrefixListsCommandOutput,
  DescribeNetworkAclsCommandOutput,
  DescribeNetworkInterfacesCommandOutput,
  DescribeRouteTablesCommandOutput,
  DescribeSecurityGroupRulesCommandOutput,
  DescribeSecurityGroupsCommandOutput,
  DescribeSubnetsCommandOutput,
  DescribeVpcsCommandOutput,
  GetManagedPrefixListEntriesCommandOutput,
} from '@aws-sdk/client-ec2';
import type {
  DescribeListenersCommandOutput,
  DescribeLoadBalancerAttributesCommandOutput,
  DescribeLoadBalancersCommandOutput,
  DescribeRulesCommandOutput,
  DescribeTagsCommandOutput,
  DescribeTargetGroupsCommandOutput,
  DescribeTargetHealthCommandOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type {
  DescribeCacheClustersCommandOutput,
  DescribeCacheSubnetGroupsCommandOutput,
  DescribeReplicationGroupsCommandOutput,
  DescribeServerlessCachesCommandOutput,
  DescribeUserGroupsCommandOutput,
  DescribeUsersCommandOutput,
  ListTagsForResourceCommandOutput,
} from '@aws-sdk/client-elasticache';
import type {
  DescribeDBClustersCommandOutput,
  DescribeDBInstancesCommandOutput,
  DescribeDBProxiesCommandOutput,
  DescribeDBProxyEndpointsCommandOutput,
  DescribeDBProxyTargetsCommandOutput,
  DescribeDBSubnetGroupsCommandOutput,
} from '@aws-sdk/client-rds';
import type {
  ListHostedZonesCommandOutput,
  ListResourceRecordSetsCommandOutput,
} from '@aws-sdk/client-route-53';

export interface CallAnswers {
  elbv2: {
    DescribeLoadBalancers: DescribeLoadBalancersCommandOutput;
    DescribeTargetGroups: DescribeTargetGroupsCommandOutput;
    DescribeListeners: DescribeListenersCommandOutput;
    DescribeLoadBalancerAttributes: DescribeLoadBalancerAttributesCommandOutput;
    DescribeRules: DescribeRulesCommandOutput;
    DescribeTargetHealth: DescribeTargetHealthCommandOutput;
    DescribeTags: DescribeTagsCommandOutput;
  };
  autoscaling: {
    DescribeAutoScalingGroups: DescribeAutoScalingGroupsCommandOutput;
    DescribeLaunchConfigurations: DescribeLaunchConfigurationsCommandOutput;
    DescribeScheduledActions: DescribeScheduledActionsCommandOutput;
  };
  elasticache: {
    DescribeReplicationGroups: DescribeReplicationGroupsCommandOutput;
    DescribeServerlessCaches: DescribeServerlessCachesCommandOutput;
    DescribeCacheClusters: DescribeCacheClustersCommandOutput;
    DescribeCacheSubnetGroups: DescribeCacheSubnetGroupsCommandOutput;
    ListTagsForResource: ListTagsForResourceCommandOutput;
    DescribeUserGroups: DescribeUserGroupsCommandOutput;
    DescribeUsers: DescribeUsersCommandOutput;
  };
  rds: {
    DescribeDBInstances: DescribeDBInstancesCommandOutput;
    DescribeDBClusters: DescribeDBClustersCommandOutput;
    DescribeDBProxies: DescribeDBProxiesCommandOutput;
    DescribeDBProxyTargets: DescribeDBProxyTargetsCommandOutput;
    DescribeDBProxyEndpoints: DescribeDBProxyEndpointsCommandOutput;
    DescribeDBSubnetGroups: DescribeDBSubnetGroupsCommandOutput;
  };
  ec2: {
    DescribeSecurityGroups: DescribeSecurityGroupsCommandOutput;
    DescribeSecurityGroupRules: DescribeSecurityGroupRulesCommandOutput;
    DescribeNetworkInterfaces: DescribeNetworkInterfacesCommandOutput;
    DescribeSubnets: DescribeSubnetsCommandOutput;
    DescribeVpcs: DescribeVpcsCommandOutput;
    DescribeInstances: DescribeInstancesCommandOutput;
    DescribeManagedPrefixLists: DescribeManagedPrefixListsCommandOutput;
    GetManagedPrefixListEntries: GetManagedPrefixListEntriesCommandOutput;
    DescribeLaunchTemplateVersions: DescribeLaunchTemplateVersionsCommandOutput;
    DescribeNetworkAcls: DescribeNetworkAclsCommandOutput;
    DescribeRouteTables: DescribeRouteTablesCommandOutput;
    DescribeAvailabilityZones: DescribeAvailabilityZonesCommandOutput;
  };
  route53: {
    ListHostedZones: ListHostedZonesCommandOutput;
    ListResourceRecordSets: ListResourceRecordSetsCommandOutput;
  };
}

export type ClientName = keyof CallAnswers;
export type CommandOf<C extends ClientName> = keyof CallAnswers[C] & string;
export type AnswerOf<C extends ClientName, N extends CommandOf<C>> = CallAnswers[C][N];
