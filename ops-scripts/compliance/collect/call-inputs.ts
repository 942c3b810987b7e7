// Builds the inputs of AWS calls from what earlier calls returned, without repeats, and the input of each next page.
import type { LaunchTemplateSpecification } from '@aws-sdk/client-auto-scaling';
import { type AnswerOf, type CallOutcome, type ClientName, type CommandOf, sortedJson } from '../snapshot.ts';

/** The most ARNs that DescribeTags accepts in one call. */
const arnsAtOnce = 20;

export function eachLoadBalancer(answers: CollectedAnswers) {
  return loadBalancerArns(answers).map((LoadBalancerArn) => ({ LoadBalancerArn }));
}

export function loadBalancersByTwenties(answers: CollectedAnswers) {
  const arns = loadBalancerArns(answers);
  const batches = Array.from({ length: Math.ceil(arns.length / arnsAtOnce) }, (_, index) =>
    arns.slice(index * arnsAtOnce, (index + 1) * arnsAtOnce),
  );
  return batches.map((ResourceArns) => ({ ResourceArns }));
}

export function eachTargetGroup(answers: CollectedAnswers) {
  const groups = answers.of('elbv2', 'DescribeTargetGroups').flatMap((answer) => answer.TargetGroups ?? []);
  return present(groups.map((group) => group.TargetGroupArn)).map((TargetGroupArn) => ({ TargetGroupArn }));
}

export function eachListener(answers: CollectedAnswers) {
  const listeners = answers.of('elbv2', 'DescribeListeners').flatMap((answer) => answer.Listeners ?? []);
  return present(listeners.map((listener) => listener.ListenerArn)).map((ListenerArn) => ({ ListenerArn }));
}

export function eachCache(answers: CollectedAnswers) {
  const groups = answers
    .of('elasticache', 'DescribeReplicationGroups')
    .flatMap((answer) => answer.ReplicationGroups ?? []);
  const clusters = answers
    .of('elasticache', 'DescribeCacheClusters')
    .flatMap((answer) => answer.CacheClusters ?? [])
    .filter((cluster) => cluster.ReplicationGroupId === undefined);
  const serverless = answers
    .of('elasticache', 'DescribeServerlessCaches')
    .flatMap((answer) => answer.ServerlessCaches ?? []);
  const arns = [...groups, ...clusters, ...serverless].map((cache) => cache.ARN);
  return present(arns).map((ResourceName) => ({ ResourceName }));
}

export function eachProxy(answers: CollectedAnswers) {
  const proxies = answers.of('rds', 'DescribeDBProxies').flatMap((answer) => answer.DBProxies ?? []);
  return present(proxies.map((proxy) => proxy.DBProxyName)).map((DBProxyName) => ({ DBProxyName }));
}

export function eachNamedPrefixList(answers: CollectedAnswers) {
  const ofRules = answers
    .of('ec2', 'DescribeSecurityGroupRules')
    .flatMap((answer) => answer.SecurityGroupRules ?? [])
    .map((rule) => rule.PrefixListId);
  const ofGroups = answers
    .of('ec2', 'DescribeSecurityGroups')
    .flatMap((answer) => answer.SecurityGroups ?? [])
    .flatMap((group) => [...(group.IpPermissions ?? []), ...(group.IpPermissionsEgress ?? [])])
    .flatMap((permission) => permission.PrefixListIds ?? [])
    .map((list) => list.PrefixListId);
  return present([...ofRules, ...ofGroups]).map((PrefixListId) => ({ PrefixListId }));
}

export function eachUsedLaunchTemplate(answers: CollectedAnswers) {
  const groups = answers
    .of('autoscaling', 'DescribeAutoScalingGroups')
    .flatMap((answer) => answer.AutoScalingGroups ?? []);
  const used = groups.flatMap((group) => {
    const mixed = group.MixedInstancesPolicy?.LaunchTemplate;
    const overrides = mixed?.Overrides ?? [];
    return [
      group.LaunchTemplate,
      mixed?.LaunchTemplateSpecification,
      ...overrides.map((override) => override.LaunchTemplateSpecification),
      ...(group.Instances ?? []).map((instance) => instance.LaunchTemplate),
    ];
  });
  const inputs = used.flatMap((template) => (template === undefined ? [] : toVersionInput(template)));
  return [...new Map(inputs.map((input) => [sortedJson(input), input])).values()];
}

export function eachHostedZone(answers: CollectedAnswers) {
  const zones = answers.of('route53', 'ListHostedZones').flatMap((answer) => answer.HostedZones ?? []);
  return present(zones.map((zone) => zone.Id)).map((HostedZoneId) => ({ HostedZoneId }));
}

function toVersionInput(template: LaunchTemplateSpecification): object[] {
  const Versions = [template.Version ?? '$Default'];
  if (template.LaunchTemplateId) return [{ LaunchTemplateId: template.LaunchTemplateId, Versions }];
  return template.LaunchTemplateName ? [{ LaunchTemplateName: template.LaunchTemplateName, Versions }] : [];
}

function loadBalancerArns(answers: CollectedAnswers): string[] {
  const balancers = answers
    .of('elbv2', 'DescribeLoadBalancers')
    .flatMap((answer) => answer.LoadBalancers ?? []);
  return present(balancers.map((balancer) => balancer.LoadBalancerArn));
}

function present(values: (string | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value !== undefined))];
}

/** Finds answers of earlier calls by client and command, for any input; failed calls are left out. */
export class CollectedAnswers {
  readonly #calls: Record<string, CallOutcome>;

  constructor(calls: Record<string, CallOutcome>) {
    this.#calls = calls;
  }

  /** All successful answers of a command, one for each input. */
  of<C extends ClientName, N extends CommandOf<C>>(client: C, command: N): Partial<AnswerOf<C, N>>[] {
    const name = `${client}.${command}`;
    return Object.entries(this.#calls).flatMap(([key, outcome]) =>
      outcome.ok && (key === name || key.startsWith(`${name}(`))
        ? [outcome.result as Partial<AnswerOf<C, N>>]
        : [],
    );
  }
}

/** Returns the input that asks for the next page, or undefined after the last page. */
export type NextPage = (answer: Record<string, unknown>) => Record<string, unknown> | undefined;

export function nextToken(answer: Record<string, unknown>) {
  return answer['NextToken'] ? { NextToken: answer['NextToken'] } : undefined;
}

export function marker(answer: Record<string, unknown>) {
  return answer['Marker'] ? { Marker: answer['Marker'] } : undefined;
}

export function nextMarker(answer: Record<string, unknown>) {
  return answer['NextMarker'] ? { Marker: answer['NextMarker'] } : undefined;
}

export function truncatedMarker(answer: Record<string, unknown>) {
  return answer['IsTruncated'] ? { Marker: answer['NextMarker'] } : undefined;
}

/** The next page of Route 53's record sets. The SDK has no paginator for them. */
export function nextRecord(answer: Record<string, unknown>) {
  if (!answer['IsTruncated']) return undefined;
  return {
    StartRecordName: answer['NextRecordName'],
    StartRecordType: answer['NextRecordType'],
    StartRecordIdentifier: answer['NextRecordIdentifier'],
  };
}
