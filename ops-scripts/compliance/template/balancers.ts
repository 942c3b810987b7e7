// Load balancers, listeners, their rules and target groups. Their ARNs are logical ids.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { type Draft, zoneOfSubnet } from './draft.ts';
import { mayBeChanged } from './handed-groups.ts';
import { attributesOf, securityPolicyOf } from './hardening-defaults.ts';
import { listOf, nameOf, numberOf, type Properties, type Resource, recordsOf } from './resources.ts';

const balancerType = 'AWS::ElasticLoadBalancingV2::LoadBalancer';
const listenerType = 'AWS::ElasticLoadBalancingV2::Listener';
const ruleType = 'AWS::ElasticLoadBalancingV2::ListenerRule';
const targetGroupType = 'AWS::ElasticLoadBalancingV2::TargetGroup';

export function answerBalancers(draft: Draft): void {
  const listeners = draft.of(listenerType);
  const rules = draft.of(ruleType);
  draft.answer('elbv2', 'DescribeLoadBalancers', {
    LoadBalancers: draft.items(balancerType, (resource) => describeBalancer(draft, resource)),
  });
  draft.answer('elbv2', 'DescribeTargetGroups', {
    TargetGroups: draft.items(targetGroupType, (resource) => {
      const { id, properties } = resource;
      const changed = mayBeChanged(draft, resource, properties['Name']);
      return {
        TargetGroupArn: id,
        TargetGroupName: nameOf(properties['Name'], id),
        Protocol: properties['Protocol'],
        Port: changed ?? numberOf(properties['Port']),
        VpcId: properties['VpcId'],
        TargetType: properties['TargetType'] ?? 'instance',
        HealthCheckPort: changed ?? textOf(properties['HealthCheckPort'] ?? 'traffic-port'),
        LoadBalancerArns: balancersOf(id, listeners, rules),
      };
    }),
  });
  for (const { id, properties } of draft.of(balancerType)) {
    draft.answer(
      'elbv2',
      'DescribeListeners',
      { Listeners: listenersOf(draft, id) },
      { LoadBalancerArn: id },
    );
    draft.answer(
      'elbv2',
      'DescribeLoadBalancerAttributes',
      { Attributes: attributesOf(properties) },
      { LoadBalancerArn: id },
    );
    const TagDescriptions = [{ ResourceArn: id, Tags: properties['Tags'] ?? [] }];
    draft.answer('elbv2', 'DescribeTags', { TagDescriptions }, { ResourceArns: [id] });
  }
  for (const listener of listeners) {
    const mine = ofOwner(draft.perhaps(ruleType), 'ListenerArn', listener.id);
    const Rules = [
      ...mine.map((rule) => unknownOf(rule, 'ListenerArn') ?? describeRule(rule)),
      describeRule(listener),
    ];
    draft.answer('elbv2', 'DescribeRules', { Rules }, { ListenerArn: listener.id });
  }
  // The instances of a group register themselves. A template only names other targets.
  for (const { id, properties } of draft.of(targetGroupType)) {
    const named = recordsOf(properties['Targets']).map((target) =>
      isUnknownValue(target) ? target : { Target: { Id: target['Id'], Port: numberOf(target['Port']) } },
    );
    const services = draft.perhaps('AWS::ECS::Service').filter(({ refers }) => refers.has(id));
    const registered = services
      .filter((service) => service.properties['LaunchType'] !== 'FARGATE')
      .map((service) => unknownValue(`${service.id} registers the machines of its tasks with ${id}`));
    const TargetHealthDescriptions = [...named, ...registered];
    draft.answer('elbv2', 'DescribeTargetHealth', { TargetHealthDescriptions }, { TargetGroupArn: id });
  }
}

function listenersOf(draft: Draft, balancer: string): unknown[] {
  const declared = ofOwner(draft.perhaps(listenerType), 'LoadBalancerArn', balancer);
  if (declared.length === 0 && draft.isTold(balancer))
    return [unknownValue(`no listener of ${balancer} is in the template, and another stack may add some`)];
  return declared.map(
    (listener) =>
      unknownOf(listener, 'LoadBalancerArn') ??
      mayBeChanged(draft, listener, undefined) ??
      describeListener(listener),
  );
}

/** Resources that name the owner, or that may name it. */
function ofOwner(resources: Resource[], name: string, owner: string): Resource[] {
  return resources.filter(({ properties }) => properties[name] === owner || isUnknownValue(properties[name]));
}

/** Why the resource may not belong to this owner. */
function unknownOf({ unknownReason, properties }: Resource, name: string): UnknownValue | undefined {
  const owner = properties[name];
  return unknownReason ?? (isUnknownValue(owner) ? owner : undefined);
}

function textOf(value: unknown): unknown {
  return isUnknownValue(value) ? value : String(value);
}

function describeBalancer(draft: Draft, { id, properties }: Resource): Properties {
  const mappings = recordsOf(properties['SubnetMappings']);
  const subnets = [
    ...listOf(properties['Subnets']),
    ...mappings.map((mapping) => (isUnknownValue(mapping) ? mapping : mapping['SubnetId'])),
  ];
  const type = properties['Type'] ?? 'application';
  return {
    LoadBalancerArn: id,
    LoadBalancerName: nameOf(properties['Name'], id),
    DNSName: `${id}.dns`,
    Type: type,
    Scheme: properties['Scheme'] ?? (type === 'gateway' ? undefined : 'internet-facing'),
    IpAddressType: properties['IpAddressType'] ?? 'ipv4',
    State: { Code: 'active' },
    AvailabilityZones: subnets.map((subnet) => zoneOfSubnet(draft, subnet)),
    SecurityGroups:
      properties['SecurityGroups'] ??
      (type === 'application' ? unknownValue('it gets the default group of its VPC') : undefined),
  };
}

function describeListener({ id, properties }: Resource): Properties {
  return {
    ListenerArn: id,
    LoadBalancerArn: properties['LoadBalancerArn'],
    Port: numberOf(properties['Port']),
    Protocol: properties['Protocol'],
    SslPolicy: securityPolicyOf(properties),
    DefaultActions: properties['DefaultActions'],
  };
}

function describeRule({ id, type, properties }: Resource): Properties {
  const isDefault = type === listenerType;
  return {
    RuleArn: isDefault ? `${id}.default` : id,
    IsDefault: isDefault,
    Actions: properties[isDefault ? 'DefaultActions' : 'Actions'],
  };
}

function balancersOf(targetGroup: string, listeners: Resource[], rules: Resource[]): unknown[] {
  const uses = (resource: Resource) => JSON.stringify(resource.properties).includes(`"${targetGroup}"`);
  const byRule = new Set(rules.filter(uses).map((rule) => rule.properties['ListenerArn']));
  const using = listeners.filter((listener) => uses(listener) || byRule.has(listener.id));
  return [...new Set(using.map((listener) => listener.properties['LoadBalancerArn']))];
}
