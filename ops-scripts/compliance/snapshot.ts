// A snapshot: answers and errors of AWS calls as plain data, and which calls it may hold. Controls read nothing else.

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
import { ConfigFault } from './config-fault.ts';

export const snapshotFormat = 'myclothes-aws-snapshot/1';

/** The source of a snapshot: calls made just now, a file, or templates or a plan in place of an account. */
export type Mode = 'live' | 'snapshot' | 'template' | 'plan';

/** Whether the snapshot shows what files declare, and not what AWS answered. */
export function isDeclared(mode: Mode): boolean {
  return mode === 'template' || mode === 'plan';
}

/** One call's outcome: the SDK's output with all pages merged, or the error that ended it. */
export type CallOutcome =
  | { ok: true; result: Record<string, unknown> }
  | { ok: false; error: { name: string; message: string } };

export interface Snapshot {
  format: typeof snapshotFormat;
  account: string;
  region: string;
  /** ISO 8601, UTC. */
  takenAt: string;
  /** Keyed by `callKey`. */
  calls: Record<string, CallOutcome>;
}

/**
 * The name of the error of a call whose answer no template contains (for example, the instances that run). Controls
 * that need such a call are `unknown`, with the error's message as the reason.
 */
export const unknownInTemplate = 'UnknownInTemplate';

/** Stands in the place of a property whose value can't be known, such as a parameter without a value. */
export interface UnknownValue {
  $unknown: string;
}

/** Marks a property as unknown. The reason completes the sentence "… cannot be known: <reason>". */
export function unknownValue(reason: string): UnknownValue {
  return { $unknown: reason };
}

export function isUnknownValue(value: unknown): value is UnknownValue {
  return typeof value === 'object' && value !== null && typeof (value as UnknownValue).$unknown === 'string';
}

/** `elbv2.DescribeListeners({"LoadBalancerArn":"…"})`. Without input, or with an empty one, it has no parentheses. */
export function callKey<C extends ClientName>(client: C, command: CommandOf<C>, input?: object): string {
  const name = `${client}.${command}`;
  return input === undefined || Object.keys(input).length === 0 ? name : `${name}(${sortedJson(input)})`;
}

/** JSON with sorted keys in every object, so that equal inputs give equal text. */
export function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}

/** Records an outcome under its key. The type of the answer follows from client and command. */
export function recordCall<C extends ClientName, N extends CommandOf<C>>(
  snapshot: Snapshot,
  client: C,
  command: N,
  input: object | undefined,
  outcome: { ok: true; result: Partial<AnswerOf<C, N>> } | Extract<CallOutcome, { ok: false }>,
): void {
  snapshot.calls[callKey(client, command, input)] = outcome as CallOutcome;
}

export function emptySnapshot(account: string, region: string, takenAt: Date): Snapshot {
  return { format: snapshotFormat, account, region, takenAt: takenAt.toISOString(), calls: {} };
}

/**
 * Reads a snapshot from text. A fault of the whole file is a ConfigFault. Garbage inside one call is kept as a failed
 * call, because it must end as `unknown`.
 */
export function parseSnapshot(text: string, file: string): Snapshot {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ConfigFault(`Cannot read '${file}' as a snapshot as it is not JSON`, { cause: error });
  }
  if (!isRecord(parsed) || parsed['format'] !== snapshotFormat) {
    throw new ConfigFault(`Cannot read '${file}' as a snapshot as its format is not '${snapshotFormat}'`);
  }
  if (!isRecord(parsed['calls'])) {
    throw new ConfigFault(`Cannot read '${file}' as a snapshot as it has no 'calls'`);
  }
  const calls = Object.entries(parsed['calls']).map(([key, value]) => [key, toOutcome(value)] as const);
  return {
    format: snapshotFormat,
    account: String(parsed['account'] ?? ''),
    region: String(parsed['region'] ?? ''),
    takenAt: String(parsed['takenAt'] ?? ''),
    calls: Object.fromEntries(calls),
  };
}

function toOutcome(value: unknown): CallOutcome {
  if (isRecord(value) && value['ok'] === true && isRecord(value['result'])) {
    return { ok: true, result: value['result'] };
  }
  if (isRecord(value) && value['ok'] === false) {
    const error = isRecord(value['error']) ? value['error'] : {};
    return {
      ok: false,
      error: { name: String(error['name'] ?? 'Error'), message: String(error['message'] ?? '') },
    };
  }
  return {
    ok: false,
    error: { name: 'Garbled', message: 'the snapshot holds neither an answer nor an error' },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// The input of each call (`elbv2`, `autoscaling` … are the clients' names in a snapshot's keys):
//
//   elbv2         DescribeLoadBalancers, DescribeTargetGroups            no input
//                 DescribeListeners({LoadBalancerArn}),
//                 DescribeLoadBalancerAttributes({LoadBalancerArn})      one for each load balancer
//                 DescribeRules({ListenerArn})                           one for each listener (targets of rules)
//                 DescribeTargetHealth({TargetGroupArn})                 one for each target group
//                 DescribeTags({ResourceArns: [≤ 20 ARNs]})              load balancers
//   autoscaling   DescribeAutoScalingGroups                              no input (tags are in the answer)
//                 DescribeLaunchConfigurations, DescribeScheduledActions no input
//   elasticache   DescribeReplicationGroups, DescribeServerlessCaches,
//                 DescribeCacheSubnetGroups, DescribeUserGroups,
//                 DescribeUsers                                          no input
//                 DescribeCacheClusters({ShowCacheNodeInfo: true})
//                 ListTagsForResource({ResourceName: ARN})               each replication group, serverless cache and
//                                                                        cluster outside any replication group
//   rds           DescribeDBInstances, DescribeDBClusters, DescribeDBProxies,
//                 DescribeDBSubnetGroups                                 no input (tags are in TagList)
//                 DescribeDBProxyTargets({DBProxyName}),
//                 DescribeDBProxyEndpoints({DBProxyName})                one for each proxy
//   ec2           DescribeSecurityGroups, DescribeSecurityGroupRules, DescribeNetworkInterfaces, DescribeSubnets,
//                 DescribeVpcs, DescribeInstances, DescribeManagedPrefixLists, DescribeNetworkAcls,
//                 DescribeRouteTables, DescribeAvailabilityZones         no input
//                 GetManagedPrefixListEntries({PrefixListId})            one for each prefix list that a rule names
//                 DescribeLaunchTemplateVersions({LaunchTemplateId, Versions: ["3" | "$Latest" | "$Default"]})
//                                                                        each template that a group uses (its
//                                                                        LaunchTemplateName instead where it has no id)
//   route53       ListHostedZones                                        no input
//                 ListResourceRecordSets({HostedZoneId})                 one for each zone of ListHostedZones
//
// A call with other input, or with none, is read too if its answer contains the wanted items.
// A template gives the same keys, with answers as AWS would give them after deployment. Identifiers are logical ids,
// and an ARN is any unique text. An unknown property is `unknownValue(reason)`, and an unknown call is an error of
// name `UnknownInTemplate`. DescribeNetworkInterfaces and DescribeInstances answer with the interfaces and instances
// that the template declares, or with empty lists. The groups of a part are read from the part.

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
