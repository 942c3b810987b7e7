// Reads Auto Scaling groups; their security groups come from launch templates or a launch configuration.
import type { AutoScalingGroup } from '@aws-sdk/client-auto-scaling';
import { type Answers, listAnswers } from '../answers.ts';
import { known, knownList, knownOrAbsent, knownText, readItems, UnknownError } from '../unknown.ts';
import { type Declaration, fromTemplate } from './launch-template.ts';
import type { AutoScalingGroupPart } from './part.ts';
import { readGroups, textOr } from './read-each.ts';

export function readAutoScalingGroup(answers: Answers, raw: AutoScalingGroup): AutoScalingGroupPart {
  const name = knownText(raw.AutoScalingGroupName, 'the name of an Auto Scaling group');
  let publicAddress = false;
  let lacksGroups = false;
  let bareCards: string[] = [];
  const attached = readGroups(() => {
    const declared = declarationsOf(answers, raw, name);
    publicAddress = declared.some((declaration) => declaration.publicAddress);
    lacksGroups = declared.length > 1 && declared.some(({ groups }) => groups.length === 0);
    bareCards = declared.flatMap(({ bareCard }) => bareCard ?? []);
    return declared.flatMap((declaration) => declaration.groups);
  });
  // Instances of that template get the default group of their VPC, which no answer about the template tells.
  if (lacksGroups)
    attached.groupUnknownReasons.push(`one of the launch templates of ${name} declares no security group`);
  attached.groupUnknownReasons.push(...bareCards);
  const instanceIds = (Array.isArray(raw.Instances) ? raw.Instances : []).flatMap(
    ({ InstanceId }) => InstanceId ?? [],
  );
  return {
    kind: 'auto-scaling-group',
    id: textOr(raw.AutoScalingGroupARN, name),
    name,
    raw,
    instanceIds,
    ...targetsOf(raw, name),
    publicAddress,
    ...attached,
  };
}

function targetsOf(raw: AutoScalingGroup, name: string) {
  const targetGroupArns = new Set<string>();
  const targetUnknownReasons: string[] = [];
  const onUnknown = (reason: string) => targetUnknownReasons.push(reason);
  const call = 'autoscaling.DescribeAutoScalingGroups';
  readItems(
    raw.TargetGroupARNs,
    `TargetGroupARNs of ${name} in ${call}`,
    (arn) => targetGroupArns.add(arn),
    onUnknown,
  );
  readItems(
    raw.TrafficSources,
    `TrafficSources of ${name} in ${call}`,
    ({ Identifier }) => targetGroupArns.add(knownText(Identifier, `a traffic source of ${name} in ${call}`)),
    onUnknown,
  );
  return { targetGroupArns: [...targetGroupArns], targetUnknownReasons };
}

function declarationsOf(answers: Answers, raw: AutoScalingGroup, name: string): Declaration[] {
  const mixed = knownOrAbsent(
    raw.MixedInstancesPolicy,
    `the mixed instances policy of ${name}`,
  )?.LaunchTemplate;
  const templates = [
    knownOrAbsent(raw.LaunchTemplate, `the launch template of ${name}`),
    mixed?.LaunchTemplateSpecification,
    ...knownList(mixed?.Overrides, `the instance types of ${name}`).map(
      ({ LaunchTemplateSpecification }) => LaunchTemplateSpecification,
    ),
  ].filter((template) => template !== undefined);
  if (templates.length > 0) return templates.map((template) => fromTemplate(answers, template));
  if (raw.LaunchConfigurationName !== undefined) {
    return [
      fromConfiguration(answers, known(raw.LaunchConfigurationName, `the launch configuration of ${name}`)),
    ];
  }
  throw new UnknownError(`${name} has no launch template`);
}

function fromConfiguration(answers: Answers, name: string): Declaration {
  const listed = listAnswers(answers, 'autoscaling', 'DescribeLaunchConfigurations', 'LaunchConfigurations');
  const found = listed.items.find(({ LaunchConfigurationName }) => LaunchConfigurationName === name);
  if (found === undefined)
    throw new UnknownError(listed.unknownReasons[0] ?? `launch configuration ${name} is not in any answer`);
  return {
    groups: knownList(found.SecurityGroups, `security groups of launch configuration ${name}`),
    publicAddress: found.AssociatePublicIpAddress === true,
  };
}
