// Translates planned load balancers and Auto Scaling groups to CloudFormation.
import { isUnknownValue, unknownValue } from '../snapshot.ts';
import type { Properties, Resource } from '../template/resources.ts';
import type { Family } from './arguments.ts';
import type { PlannedWorld, Reader } from './reader.ts';
import { eachBlock, resource, type Translations, tagsOf } from './translate-others.ts';

export const partTranslations: Translations = {
  aws_lb: translateBalancer,
  aws_alb: translateBalancer,
  aws_lb_listener: translateListener,
  aws_alb_listener: translateListener,
  aws_lb_listener_rule: translateListenerRule,
  aws_alb_listener_rule: translateListenerRule,
  aws_lb_target_group: translateTargetGroup,
  aws_alb_target_group: translateTargetGroup,
  aws_autoscaling_group: translateScalingGroup,
  aws_launch_template: translateLaunchTemplate,
  aws_launch_configuration: (configuration) => [
    resource(configuration, 'AWS::AutoScaling::LaunchConfiguration', {
      SecurityGroups: configuration.refs('security_groups', 'group'),
      AssociatePublicIpAddress: configuration.one('associate_public_ip_address'),
      MetadataOptions: metadataOf(configuration),
    }),
  ],
  aws_autoscaling_schedule: (action) => [
    resource(action, 'AWS::AutoScaling::ScheduledAction', {
      AutoScalingGroupName: action.ref('autoscaling_group_name', 'scaling'),
      // The provider's default is 0, and -1 leaves the size unchanged.
      MinSize: action.one('min_size') === -1 ? undefined : (action.one('min_size') ?? 0),
      Recurrence: action.one('recurrence'),
    }),
  ],
  aws_autoscalingplans_scaling_plan: (plan) => [
    resource(plan, 'AWS::AutoScalingPlans::ScalingPlan', {
      ScalingInstructions: eachBlock(plan, 'scaling_instruction', (instruction) => ({
        ResourceId: instruction.one('resource_id'),
        MinCapacity: instruction.one('min_capacity'),
      })),
    }),
  ],
};

function translateBalancer(balancer: Reader): Resource[] {
  const internal = balancer.one('internal') ?? false;
  const logs = balancer.block('access_logs');
  const attribute = (Key: string, value: unknown) => ({
    Key,
    Value: isUnknownValue(value) ? value : String(value ?? false),
  });
  return [
    resource(balancer, 'AWS::ElasticLoadBalancingV2::LoadBalancer', {
      Name: balancer.one('name'),
      Type: balancer.one('load_balancer_type') ?? 'application',
      Scheme: isUnknownValue(internal) ? internal : internal ? 'internal' : 'internet-facing',
      IpAddressType: balancer.one('ip_address_type'),
      Subnets: balancer.refs('subnets', 'subnet'),
      SubnetMappings: eachBlock(balancer, 'subnet_mapping', (mapping) => ({
        SubnetId: mapping.ref('subnet_id', 'subnet'),
      })),
      SecurityGroups: balancer.refs('security_groups', 'group'),
      Tags: tagsOf(balancer),
      LoadBalancerAttributes: [
        attribute('deletion_protection.enabled', balancer.one('enable_deletion_protection')),
        attribute('access_logs.s3.enabled', isUnknownValue(logs) ? logs : logs?.one('enabled')),
      ],
    }),
  ];
}

function translateListener(listener: Reader, world: PlannedWorld): Resource[] {
  const balancer = listener.ref('load_balancer_arn', 'balancer');
  const of = world.of('aws_lb', 'aws_alb').find(({ id }) => id === balancer);
  const type = of?.one('load_balancer_type') ?? 'application';
  return [
    resource(listener, 'AWS::ElasticLoadBalancingV2::Listener', {
      LoadBalancerArn: balancer,
      Port: listener.one('port'),
      // The provider's default for an application load balancer is HTTP.
      Protocol: listener.one('protocol') ?? (of !== undefined && type === 'application' ? 'HTTP' : undefined),
      SslPolicy: listener.one('ssl_policy'),
      DefaultActions: actionsOf(listener, 'default_action'),
    }),
  ];
}

function translateListenerRule(rule: Reader): Resource[] {
  return [
    resource(rule, 'AWS::ElasticLoadBalancingV2::ListenerRule', {
      ListenerArn: rule.ref('listener_arn', 'listener'),
      Actions: actionsOf(rule, 'action'),
    }),
  ];
}

function actionsOf(planned: Reader, name: string): unknown {
  return eachBlock(planned, name, (action) => {
    const forward = action.block('forward');
    const redirect = action.block('redirect');
    return {
      Type: action.one('type'),
      TargetGroupArn: action.ref('target_group_arn', 'targets'),
      ForwardConfig: isUnknownValue(forward)
        ? forward
        : forward && {
            TargetGroups: eachBlock(forward, 'target_group', (target) => ({
              TargetGroupArn: target.ref('arn', 'targets'),
            })),
          },
      RedirectConfig: isUnknownValue(redirect)
        ? redirect
        : redirect && {
            // The provider's defaults keep the protocol and port of the request.
            Protocol: redirect.one('protocol') ?? '#{protocol}',
            Port: redirect.one('port') ?? '#{port}',
            StatusCode: redirect.one('status_code'),
          },
    };
  });
}

function translateTargetGroup(group: Reader, world: PlannedWorld): Resource[] {
  const check = group.block('health_check');
  const attached = world
    .of('aws_lb_target_group_attachment', 'aws_alb_target_group_attachment')
    .flatMap((link): unknown[] => {
      const of = link.ref('target_group_arn', 'targets');
      if (isUnknownValue(of)) return [of];
      return of === group.id ? [{ Id: textOf(link.one('target_id')), Port: link.one('port') }] : [];
    });
  return [
    resource(group, 'AWS::ElasticLoadBalancingV2::TargetGroup', {
      Name: group.one('name'),
      Protocol: group.one('protocol'),
      Port: group.one('port'),
      VpcId: group.ref('vpc_id', 'vpc'),
      TargetType: group.one('target_type'),
      HealthCheckPort: isUnknownValue(check) ? check : check?.one('port'),
      Targets: attached,
    }),
  ];
}

/** Controls ask whether there is a target and not which one, so any other value becomes a fixed text. */
function textOf(target: unknown): unknown {
  return isUnknownValue(target) || typeof target === 'string' ? target : 'a planned resource';
}

function translateScalingGroup(group: Reader, world: PlannedWorld): Resource[] {
  const sources = eachBlock(group, 'traffic_source', (source) => ({
    Identifier: source.ref('identifier', 'targets'),
  }));
  return [
    resource(group, 'AWS::AutoScaling::AutoScalingGroup', {
      AutoScalingGroupName: group.one('name'),
      MinSize: group.one('min_size'),
      MaxSize: group.one('max_size'),
      DesiredCapacity: group.one('desired_capacity'),
      DesiredCapacityType: group.one('desired_capacity_type'),
      VPCZoneIdentifier: group.refs('vpc_zone_identifier', 'subnet'),
      AvailabilityZones: group.many('availability_zones'),
      TargetGroupARNs: [
        ...asList(group.refs('target_group_arns', 'targets')),
        ...attachedTargets(group, world),
      ],
      TrafficSources: sources,
      LaunchTemplate: specification(group.block('launch_template'), 'id', 'name'),
      MixedInstancesPolicy: mixedPolicy(group),
      LaunchConfigurationName: group.ref('launch_configuration', 'configuration'),
      Tags: tagsOfGroup(group),
    }),
  ];
}

function asList(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function attachedTargets(group: Reader, world: PlannedWorld): unknown[] {
  const links = world.of('aws_autoscaling_attachment', 'aws_autoscaling_traffic_source_attachment');
  return links.flatMap((link) => {
    const of = link.ref('autoscaling_group_name', 'scaling');
    if (isUnknownValue(of)) return [of];
    if (of !== group.id) return [];
    const source = link.block('traffic_source');
    return asList(
      link.ref('lb_target_group_arn', 'targets') ??
        link.ref('alb_target_group_arn', 'targets') ??
        (isUnknownValue(source) ? source : source?.ref('identifier', 'targets')),
    );
  });
}

function tagsOfGroup(group: Reader): unknown {
  return eachBlock(group, 'tag', (tag) => ({ Key: tag.one('key'), Value: tag.one('value') }));
}

function specification(block: ReturnType<Reader['block']>, id: string, name: string): unknown {
  if (block === undefined || isUnknownValue(block)) return block;
  const named = [id, name].map((each) => block.ref(each, 'template' satisfies Family));
  const LaunchTemplateId = named.find((each) => each !== undefined);
  return { LaunchTemplateId, Version: versionOf(block, LaunchTemplateId) };
}

/**
 * The version of a launch template. A plan only shows the newest one, so an older version of an existing template is
 * unknown.
 */
function versionOf(block: Reader, templateId: unknown): unknown {
  const version = block.one('version') ?? '$Default';
  if (isUnknownValue(version) || String(version) === '$Latest') return version;
  const template = block.world.of('aws_launch_template').find(({ id }) => id === templateId);
  if (template === undefined || template.instance.actions.join() === 'create') return String(version);
  const latest = template.one('latest_version');
  const changes = template.instance.actions.some((action) => action === 'update');
  const isNewest = !changes && String(latest) === String(version);
  const isDefault =
    String(version) === '$Default' &&
    (template.one('update_default_version') === true ||
      (!changes && latest !== undefined && template.one('default_version') === latest));
  if (isNewest || isDefault) return '$Latest';
  return unknownValue(`version ${String(version)} of ${template.id} may be older than the one in the plan`);
}

function mixedPolicy(group: Reader): unknown {
  const policy = group.block('mixed_instances_policy');
  if (policy === undefined || isUnknownValue(policy)) return policy;
  const template = policy.block('launch_template');
  if (template === undefined || isUnknownValue(template)) return { LaunchTemplate: template };
  return {
    LaunchTemplate: {
      LaunchTemplateSpecification: specification(
        template.block('launch_template_specification'),
        'launch_template_id',
        'launch_template_name',
      ),
      Overrides: eachBlock(template, 'override', (override) => ({
        InstanceType: override.one('instance_type'),
        WeightedCapacity: override.one('weighted_capacity'),
        LaunchTemplateSpecification: specification(
          override.block('launch_template_specification'),
          'launch_template_id',
          'launch_template_name',
        ),
      })),
    },
  };
}

function translateLaunchTemplate(template: Reader): Resource[] {
  const names = template.many('security_group_names');
  const interfaces = eachBlock(template, 'network_interfaces', (card) => ({
    Groups: card.refs('security_groups', 'group'),
    AssociatePublicIpAddress: card.one('associate_public_ip_address'),
    NetworkInterfaceId: card.one('network_interface_id'),
  }));
  const data: Properties = {
    SecurityGroupIds: template.refs('vpc_security_group_ids', 'group'),
    SecurityGroups: Array.isArray(names) ? names.map((name) => template.world.idOf(name, 'group')) : names,
    NetworkInterfaces: interfaces,
    MetadataOptions: metadataOf(template),
  };
  const set = Object.entries(data).filter(([, value]) => value !== undefined);
  return [
    resource(template, 'AWS::EC2::LaunchTemplate', {
      LaunchTemplateName: template.one('name'),
      LaunchTemplateData: Object.fromEntries(set),
    }),
  ];
}

function metadataOf(planned: Reader): unknown {
  const options = planned.block('metadata_options');
  if (options === undefined || isUnknownValue(options)) return options;
  return { HttpTokens: options.one('http_tokens'), HttpEndpoint: options.one('http_endpoint') };
}
