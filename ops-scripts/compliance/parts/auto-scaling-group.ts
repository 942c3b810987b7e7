// Reads Auto Scaling groups; their security groups come from launch templates or a launch configuration.
import type { AutoScalingGroup, LaunchTemplateSpecification } from '@aws-sdk/client-auto-scaling';
import type { LaunchTemplateVersion } from '@aws-sdk/client-ec2';
import { type Answers, listAnswers } from '../answers.ts';
import { known, knownList, knownOrAbsent, knownText, readItems, UnknownError } from '../unknown.ts';
import { type AutoScalingGroupPart, readGroups, textOr } from './part.ts';

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
  // Instances of that template get the default group of their VPC, and no answer about the template contains it.
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

/** The security groups and the public address that a launch template or configuration gives to new instances. */
interface Declaration {
  groups: string[];
  publicAddress: boolean;
  /** Why instances may have groups beside these: a network interface of the template names none. */
  bareCard?: string;
}

/** Returns the contents of the requested version. Throws an UnknownError where no answer has it. */
export function readLaunchTemplate(answers: Answers, spec: LaunchTemplateSpecification) {
  const about = known(
    knownOrAbsent(spec.LaunchTemplateId, 'a launch template') ?? spec.LaunchTemplateName,
    'the name of a launch template',
  );
  const asked = knownOrAbsent(spec.Version, `the version of launch template ${about}`) ?? '$Default';
  const listed = listAnswers(
    answers,
    'ec2',
    'DescribeLaunchTemplateVersions',
    'LaunchTemplateVersions',
    about,
  );
  // The requested version could be on a missing page.
  if (listed.unknownReasons.length > 0) throw new UnknownError(listed.unknownReasons[0]!);
  const version = asksFor(answers, about, asked) ? findVersion(listed.items, spec) : undefined;
  if (version === undefined) {
    throw new UnknownError(`launch template ${about}, version ${asked}, is not in any answer`);
  }
  return { about, data: known(version.LaunchTemplateData, `the contents of launch template ${about}`) };
}

/** Throws an UnknownError where no answer has the version, or where its groups can't be known. */
function fromTemplate(answers: Answers, spec: LaunchTemplateSpecification): Declaration {
  const { about, data } = readLaunchTemplate(answers, spec);
  const cards = knownList(data.NetworkInterfaces, `network interfaces of launch template ${about}`);
  const groups = [
    ...knownList(data.SecurityGroupIds, `security groups of launch template ${about}`),
    ...cards.flatMap((card) => knownList(card.Groups, `security groups of launch template ${about}`)),
  ];
  if ((data.SecurityGroups ?? []).length > 0) {
    throw new UnknownError(`launch template ${about} gives security groups by name`);
  }
  const publicAddress = cards.some((card) => card.AssociatePublicIpAddress === true);
  // Such an interface gets the default group of its VPC, and no answer about the template contains it.
  const bare = groups.length > 0 && cards.some((card) => (card.Groups ?? []).length === 0);
  if (!bare) return { groups, publicAddress };
  const bareCard = `one of the network interfaces of launch template ${about} declares no security group`;
  return { groups, publicAddress, bareCard };
}

/**
 * Whether the answers can show the requested version. Only a request for `$Latest` or for all versions shows the newest
 * one.
 */
function asksFor(answers: Answers, about: string, version: string): boolean {
  if (version !== '$Latest') return true;
  const calls = answers.byCommand.get('ec2.DescribeLaunchTemplateVersions') ?? [];
  return calls.some(({ input: { LaunchTemplateId, LaunchTemplateName, Versions } }) => {
    const named = [LaunchTemplateId, LaunchTemplateName].filter((name) => name !== undefined);
    if (named.length > 0 && !named.includes(about)) return false;
    return !Array.isArray(Versions) || Versions.includes('$Latest');
  });
}

function findVersion(versions: LaunchTemplateVersion[], spec: LaunchTemplateSpecification) {
  const same = versions.filter((version) =>
    spec.LaunchTemplateId === undefined
      ? version.LaunchTemplateName === spec.LaunchTemplateName
      : version.LaunchTemplateId === spec.LaunchTemplateId,
  );
  const wanted = spec.Version ?? '$Default';
  if (wanted === '$Default')
    return same.find(({ DefaultVersion }) => DefaultVersion === true) ?? onlyOne(same);
  if (wanted !== '$Latest') return same.find(({ VersionNumber }) => String(VersionNumber) === wanted);
  return same.toSorted((a, b) => Number(b.VersionNumber ?? 0) - Number(a.VersionNumber ?? 0))[0];
}

function onlyOne<T>(items: T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined;
}
