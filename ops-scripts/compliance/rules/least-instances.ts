// The fewest instances that an Auto Scaling group may scale in to: by its size, weights and scheduled actions.
import type { AutoScalingGroup, ScheduledUpdateGroupAction } from '@aws-sdk/client-auto-scaling';
import { type Answers, listAnswers } from '../answers.ts';
import { known, knownList, knownOrAbsent, UnknownError } from '../unknown.ts';

/** The fewest instances for `size`. @throws UnknownError where the size or an instance's weight cannot be known */
export function leastInstances(raw: AutoScalingGroup, size: unknown, what: string): number {
  const asked = Number(known(size, what));
  if (Number.isNaN(asked)) throw new UnknownError(`${what} is no number`);
  return Math.ceil(asked / mostUnits(raw, asked));
}

/** How many units of its size one instance may count for. */
function mostUnits(raw: AutoScalingGroup, asked: number): number {
  const name = raw.AutoScalingGroupName;
  const unit = knownOrAbsent(raw.DesiredCapacityType, `the unit of the size of ${name}`) ?? 'units';
  const policy = knownOrAbsent(raw.MixedInstancesPolicy, `the mixed instances policy of ${name}`);
  const template = knownOrAbsent(policy?.LaunchTemplate, `the launch template of ${name}`);
  const overrides = knownList(template?.Overrides, `the instance types of ${name}`);
  if (unit !== 'units') {
    // One instance may have as many as are asked for, unless the requirements bound it.
    const bounds = overrides.map(({ InstanceRequirements }) =>
      unit === 'vcpu' ? InstanceRequirements?.VCpuCount?.Max : InstanceRequirements?.MemoryMiB?.Max,
    );
    if (bounds.length === 0 || bounds.some((bound) => bound === undefined)) return Math.max(1, asked);
    return Math.max(1, ...bounds.map(Number));
  }
  const weights = overrides.map(({ WeightedCapacity }) =>
    Number(knownOrAbsent(WeightedCapacity, `a weight of ${name}`) ?? 1),
  );
  return Math.max(1, ...weights);
}

function isUnknownCall({ byCommand }: Answers): boolean {
  const calls = byCommand.get('autoscaling.DescribeScheduledActions') ?? [];
  const names = /^(InvalidAction|UnknownOperation\w*|NotFound|NotImplemented|UnrecognizedClientOperation)$/;
  return calls.every(({ outcome }) => !outcome.ok && names.test(outcome.error.name));
}

/** Scheduled actions that set the minimum size. @throws UnknownError where the call was made and failed */
export function scheduledSizes(answers: Answers, groupName: string): ScheduledUpdateGroupAction[] {
  const listed = listAnswers(
    answers,
    'autoscaling',
    'DescribeScheduledActions',
    'ScheduledUpdateGroupActions',
  );
  // A snapshot made before this call was collected, or an endpoint without it, says nothing about schedules.
  if (listed.absent || isUnknownCall(answers)) return [];
  const mine = listed.items.filter(
    (action) => known(action.AutoScalingGroupName, 'the group of a scheduled action') === groupName,
  );
  if (listed.unknownReasons.length > 0) throw new UnknownError(listed.unknownReasons[0]!);
  return mine.filter(
    ({ MinSize }) => MinSize !== undefined && MinSize !== null && (MinSize as number) !== -1,
  );
}
