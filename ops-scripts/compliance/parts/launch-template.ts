// The security groups that a launch template gives new instances, in the version that is asked for.
import type { LaunchTemplateSpecification } from '@aws-sdk/client-auto-scaling';
import type { LaunchTemplateVersion } from '@aws-sdk/client-ec2';
import { type Answers, listAnswers } from '../answers.ts';
import { known, knownList, knownOrAbsent, UnknownError } from '../unknown.ts';

export interface Declaration {
  groups: string[];
  publicAddress: boolean;
  /** Why instances may have other groups beside these. */
  bareCard?: string;
}

/** The contents of the version that is asked for; an UnknownError where it is not in any answer. */
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
  // A version that is newer, or the default, could stand on a page that is missing.
  if (listed.unknownReasons.length > 0) throw new UnknownError(listed.unknownReasons[0]!);
  const version = asksFor(answers, about, asked) ? findVersion(listed.items, spec) : undefined;
  if (version === undefined) {
    throw new UnknownError(`launch template ${about}, version ${asked}, is not in any answer`);
  }
  return { about, data: known(version.LaunchTemplateData, `the contents of launch template ${about}`) };
}

/** An UnknownError where the version is not in any answer, or its groups can't be known. */
export function fromTemplate(answers: Answers, spec: LaunchTemplateSpecification): Declaration {
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
  // It gets the default group of its VPC, which no answer about the template tells.
  const bare = groups.length > 0 && cards.some((card) => (card.Groups ?? []).length === 0);
  if (!bare) return { groups, publicAddress };
  const bareCard = `one of the network interfaces of launch template ${about} declares no security group`;
  return { groups, publicAddress, bareCard };
}

/** Which version is the newest is told only by an answer about it, or about all of them. */
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
