// Hardening of instances: the metadata service only answers requests with a session token (IMDSv2).
import { listAnswers } from '../answers.ts';
import type { Verdict } from '../findings.ts';
import { chooseFix } from '../fixes/write-fix.ts';
import { readLaunchTemplate } from '../parts/auto-scaling-group.ts';
import type { AutoScalingGroupPart } from '../parts/part.ts';
import type { Context, Control } from '../rules/control.ts';
import { attempt, known, knownOrAbsent, UnknownError } from '../unknown.ts';

type Judgement = Pick<Control, 'needs' | 'consults'> & {
  judge(context: Context, part: AutoScalingGroupPart, verdict: Verdict): void;
};

interface MetadataOptions {
  HttpTokens?: string | undefined;
  HttpEndpoint?: string | undefined;
}

export const metadataService: Judgement = {
  needs: ['autoscaling.DescribeAutoScalingGroups'],
  consults: [
    'autoscaling.DescribeLaunchConfigurations',
    'ec2.DescribeLaunchTemplateVersions',
    'ec2.DescribeInstances',
  ],
  judge(context, part, verdict) {
    verdict.attempt(() => {
      for (const { what, read, command } of sourcesOf(context, part))
        verdict.attempt(() => judgeOptions(context, read(), { what, command }, verdict));
    });
    judgeRunning(context, part, verdict);
  },
};

interface Source {
  what: string;
  read: () => MetadataOptions | undefined;
  command: string;
}

/** The launch templates or the launch configuration from which the group starts instances. */
function sourcesOf({ inventory: { answers } }: Context, { raw, name }: AutoScalingGroupPart): Source[] {
  const mixed = knownOrAbsent(
    raw.MixedInstancesPolicy,
    `the mixed instances policy of ${name}`,
  )?.LaunchTemplate;
  const templates = [
    knownOrAbsent(raw.LaunchTemplate, `the launch template of ${name}`),
    mixed?.LaunchTemplateSpecification,
    ...(mixed?.Overrides ?? []).map(({ LaunchTemplateSpecification }) => LaunchTemplateSpecification),
  ].filter((template) => template !== undefined);
  if (templates.length > 0)
    return templates.map((spec) => {
      const id = String(spec.LaunchTemplateId ?? spec.LaunchTemplateName);
      return {
        what: `launch template ${id}`,
        read: () =>
          knownOrAbsent(readLaunchTemplate(answers, spec).data.MetadataOptions, `metadata options of ${id}`),
        command: `aws ec2 create-launch-template-version --launch-template-id ${id} --source-version ${spec.Version ?? '$Default'} --launch-template-data '{"MetadataOptions":{"HttpTokens":"required"}}'`,
      };
    });
  const configuration = known(raw.LaunchConfigurationName, `the launch template of ${name}`);
  const listed = listAnswers(answers, 'autoscaling', 'DescribeLaunchConfigurations', 'LaunchConfigurations');
  return [
    {
      what: `launch configuration ${configuration}`,
      read: () => {
        const found = listed.items.find((each) => each.LaunchConfigurationName === configuration);
        if (found === undefined)
          throw new UnknownError(
            listed.unknownReasons[0] ?? `launch configuration ${configuration} is not in any answer`,
          );
        return knownOrAbsent(found.MetadataOptions, `metadata options of ${configuration}`);
      },
      command: `aws autoscaling create-launch-configuration --launch-configuration-name ${configuration}-v2 --metadata-options HttpTokens=required`,
    },
  ];
}

function judgeOptions(
  { inventory }: Context,
  options: MetadataOptions | undefined,
  { what, command }: { what: string; command: string },
  verdict: Verdict,
): void {
  const tokens = attempt(() => knownOrAbsent(options?.HttpTokens, `HttpTokens of ${what}`), verdict.unknown);
  const endpoint = knownOrAbsent(options?.HttpEndpoint, `HttpEndpoint of ${what}`);
  if (tokens === 'required') verdict.pass(`${what} asks for session tokens`);
  else if (endpoint === 'disabled') verdict.pass(`${what} turns the metadata service off`);
  else if (tokens === 'optional')
    verdict.fail({
      reason: `${what} gives metadata, with the credentials of its role, without a session token (IMDSv1)`,
      fix: chooseFix(inventory, {
        command,
        template: `set HttpTokens in MetadataOptions of ${what} to required`,
      }),
    });
  // The image and the account decide in this case.
  else verdict.unknown(`${what} does not say whether metadata asks for a session token: its image decides`);
}

/** Judges running instances, because an older version of the template may have started them. */
function judgeRunning({ inventory }: Context, { instanceIds }: AutoScalingGroupPart, verdict: Verdict): void {
  const own = new Set(instanceIds);
  const listed = listAnswers(inventory.answers, 'ec2', 'DescribeInstances', 'Reservations');
  for (const { Instances } of listed.items) {
    for (const instance of Array.isArray(Instances) ? Instances : []) {
      if (!own.has(instance?.InstanceId ?? '') || instance.State?.Name === 'terminated') continue;
      const { HttpTokens, HttpEndpoint } = instance.MetadataOptions ?? {};
      if (HttpTokens !== 'optional' || HttpEndpoint === 'disabled') continue;
      verdict.fail({
        reason: `instance ${instance.InstanceId} gives metadata without a session token (IMDSv1)`,
        fix: chooseFix(inventory, {
          command: `aws ec2 modify-instance-metadata-options --instance-id ${instance.InstanceId} --http-tokens required`,
          template: `set HttpTokens in MetadataOptions of ${instance.InstanceId} to required`,
        }),
      });
    }
  }
}
