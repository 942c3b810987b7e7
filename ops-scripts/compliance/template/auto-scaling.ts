// Auto Scaling groups with their launch templates and configurations. A template has no running instances.
import { isUnknownValue, unknownValue } from '../snapshot.ts';
import { type Draft, zoneOfSubnet } from './draft.ts';
import { mayBeResized, mayGainVersions } from './handed-groups.ts';
import { booleanOf, listOf, nameOf, numberOf, type Properties, recordsOf } from './resources.ts';

const groupType = 'AWS::AutoScaling::AutoScalingGroup';

export function answerAutoScaling(draft: Draft): void {
  draft.answer('autoscaling', 'DescribeAutoScalingGroups', {
    AutoScalingGroups: draft.items('AWS::AutoScaling::AutoScalingGroup', ({ id, properties }) => ({
      AutoScalingGroupName: nameOf(properties['AutoScalingGroupName'], id),
      AutoScalingGroupARN: id,
      MinSize: numberOf(properties['MinSize']),
      MaxSize: numberOf(properties['MaxSize']),
      DesiredCapacity: numberOf(properties['DesiredCapacity'] ?? properties['MinSize']),
      VPCZoneIdentifier: joined(listOf(properties['VPCZoneIdentifier'])),
      AvailabilityZones: zonesOf(draft, properties),
      TargetGroupARNs: listOf(properties['TargetGroupARNs']),
      TrafficSources: listOf(properties['TrafficSources']),
      LaunchTemplate: specification(properties['LaunchTemplate']),
      MixedInstancesPolicy: mixedPolicy(properties['MixedInstancesPolicy']),
      LaunchConfigurationName: properties['LaunchConfigurationName'],
      DesiredCapacityType: properties['DesiredCapacityType'],
      Instances: [],
      Tags: properties['Tags'] ?? [],
    })),
  });
  draft.answer('autoscaling', 'DescribeLaunchConfigurations', {
    LaunchConfigurations: draft.items('AWS::AutoScaling::LaunchConfiguration', ({ id, properties }) => ({
      LaunchConfigurationName: nameOf(properties['LaunchConfigurationName'], id),
      SecurityGroups: properties['SecurityGroups'] ?? [],
      AssociatePublicIpAddress: booleanOf(properties['AssociatePublicIpAddress']),
      MetadataOptions: properties['MetadataOptions'],
    })),
  });
  draft.answer('autoscaling', 'DescribeScheduledActions', {
    ScheduledUpdateGroupActions: [
      ...draft.items('AWS::AutoScaling::ScheduledAction', ({ id, properties }) => ({
        ScheduledActionName: id,
        AutoScalingGroupName: groupNamed(draft, properties['AutoScalingGroupName']),
        MinSize: numberOf(properties['MinSize']),
        Recurrence: properties['Recurrence'],
      })),
      ...scalingPlans(draft),
      ...sizesOfOthers(draft),
    ],
  });
  answerLaunchTemplates(draft);
}

/** The name under which the snapshot has a group that is given by name or by reference. */
function groupNamed(draft: Draft, name: unknown): unknown {
  const id = draft.named(groupType, 'AutoScalingGroupName', name);
  const found = draft.perhaps(groupType).find((group) => group.id === id);
  return found === undefined ? id : nameOf(found.properties['AutoScalingGroupName'], found.id);
}

/** A scaling plan sets the minimum size of each group that it names. */
function scalingPlans(draft: Draft): unknown[] {
  return draft.perhaps('AWS::AutoScalingPlans::ScalingPlan').flatMap(({ id, properties, unknownReason }) => {
    const instructions = listOf(properties['ScalingInstructions']);
    return (unknownReason ? [unknownReason] : instructions).flatMap((instruction): unknown[] => {
      if (isUnknownValue(instruction)) return [instruction];
      const { ResourceId: resource, MinCapacity } = instruction as Properties;
      if (isUnknownValue(resource)) return [resource];
      const [, name] = /^autoScalingGroup\/(.*)$/.exec(String(resource)) ?? [];
      if (name === undefined) return [];
      return [
        {
          ScheduledActionName: id,
          AutoScalingGroupName: groupNamed(draft, name),
          MinSize: numberOf(MinCapacity),
        },
      ];
    });
  });
}

/** Sizes that something outside of the template's properties may set. */
function sizesOfOthers(draft: Draft): unknown[] {
  return draft.perhaps(groupType).flatMap((group) => {
    const why = mayBeResized(draft, group);
    if (why === undefined) return [];
    const AutoScalingGroupName = nameOf(group.properties['AutoScalingGroupName'], group.id);
    return [{ ScheduledActionName: 'of others', AutoScalingGroupName, MinSize: why }];
  });
}

/** Answers with each launch template under every version that a group names, because a template only declares one. */
function answerLaunchTemplates(draft: Draft): void {
  const used = draft.of(groupType).flatMap(({ properties }) => {
    const mixed = properties['MixedInstancesPolicy'] as Properties | undefined;
    return specificationsIn([properties['LaunchTemplate'], mixed]);
  });
  for (const template of draft.of('AWS::EC2::LaunchTemplate')) {
    const { id, properties } = template;
    const name = properties['LaunchTemplateName'];
    const namings = [
      { LaunchTemplateId: id },
      ...(typeof name === 'string' ? [{ LaunchTemplateName: name }] : []),
    ];
    const others = mayGainVersions(draft, template);
    for (const version of new Set(['$Latest', '$Default', ...used])) {
      const isNumber = /^\d+$/.test(version);
      const found = {
        LaunchTemplateId: id,
        LaunchTemplateName: name,
        VersionNumber: isNumber ? Number(version) : 1,
        LaunchTemplateData: (isNumber ? undefined : others) ?? launchData(properties),
        DefaultVersion: true,
      };
      for (const naming of namings) {
        draft.answer(
          'ec2',
          'DescribeLaunchTemplateVersions',
          { LaunchTemplateVersions: [found] },
          { ...naming, Versions: [version] },
        );
      }
    }
  }
}

function specificationsIn(value: unknown): string[] {
  return recordsOf(value).flatMap((record) => {
    const version = record['Version'];
    const mine = typeof version === 'string' || typeof version === 'number' ? [String(version)] : [];
    return [...mine, ...Object.values(record).flatMap(specificationsIn)];
  });
}

function launchData(properties: Properties): unknown {
  const data = properties['LaunchTemplateData'];
  if (isUnknownValue(data) || data === undefined) return data;
  const { SecurityGroups: names, NetworkInterfaces: interfaces, ...rest } = data as Properties;
  return {
    ...rest,
    ...(names === undefined ? {} : { SecurityGroupIds: names }),
    ...(interfaces === undefined
      ? {}
      : {
          NetworkInterfaces: recordsOf(interfaces).map((one) =>
            isUnknownValue(one)
              ? one
              : { ...one, AssociatePublicIpAddress: booleanOf(one['AssociatePublicIpAddress']) },
          ),
        }),
  };
}

function specification(value: unknown): unknown {
  if (value === undefined || isUnknownValue(value)) return value;
  const given = value as Properties;
  const { LaunchTemplateName: name, LaunchTemplateId: id } = given;
  return {
    ...(name === undefined ? {} : { LaunchTemplateName: name }),
    ...(id === undefined ? {} : { LaunchTemplateId: id }),
    Version: isUnknownValue(given['Version']) ? given['Version'] : String(given['Version'] ?? '$Default'),
  };
}

function mixedPolicy(value: unknown): unknown {
  if (value === undefined || isUnknownValue(value)) return value;
  const template = (value as Properties)['LaunchTemplate'];
  if (template === undefined || isUnknownValue(template)) return value;
  const given = template as Properties;
  return {
    LaunchTemplate: {
      LaunchTemplateSpecification: specification(given['LaunchTemplateSpecification']),
      Overrides: recordsOf(given['Overrides']).map((override) =>
        isUnknownValue(override)
          ? override
          : {
              ...override,
              LaunchTemplateSpecification: specification(override['LaunchTemplateSpecification']),
            },
      ),
    },
  };
}

function zonesOf(draft: Draft, properties: Properties): unknown {
  const subnets = listOf(properties['VPCZoneIdentifier']);
  if (subnets.length === 0) return listOf(properties['AvailabilityZones']);
  return subnets.map((subnet) => zoneOfSubnet(draft, subnet)['ZoneName']);
}

function joined(subnets: unknown[]): unknown {
  const unknownReason = subnets.find(isUnknownValue);
  if (unknownReason !== undefined) return unknownValue(unknownReason.$unknown);
  return subnets.length === 0 ? undefined : subnets.map(String).join(',');
}
