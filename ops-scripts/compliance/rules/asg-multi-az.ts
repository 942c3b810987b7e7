// asg-multi-az: the group keeps at least two instances, in at least two zones that the load balancer serves.

import type { AutoScalingGroup, ScheduledUpdateGroupAction } from '@aws-sdk/client-auto-scaling';
import { type Answers, listAnswers } from '../answers.ts';
import type { Verdict } from '../findings.ts';
import { chooseFix } from '../fixes/write-fix.ts';
import type { AutoScalingGroupPart, LoadBalancerPart } from '../parts/part.ts';
import { known, knownList, knownOrAbsent, UnknownError } from '../unknown.ts';
import { type Context, defineControl, requireZones } from './control.ts';

export const asgMultiAz = defineControl({
  id: 'asg-multi-az',
  kind: 'auto-scaling-group',
  title: 'The Auto Scaling group spreads at least two instances over at least two Availability Zones',
  why: 'One instance, or instances in one zone, are an outage away from none; a zone that the load balancer does not serve gets no requests.',
  how: 'MinSize of at least 2 instances, also where instances have weights and after each scheduled action, subnets in at least 2 zones, each of them enabled on the load balancer, and the instances in service spread over at least 2 zones when at least 2 run, and over as many as are asked for when as many run.',
  blind: 'Capacity of the instance types in each zone, and how fast new instances turn ready.',
  remedy:
    'aws autoscaling update-auto-scaling-group --auto-scaling-group-name NAME --min-size 2 --vpc-zone-identifier SUBNET-A,SUBNET-B',
  references: [
    'https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-availability-zone-balanced.html',
  ],
  needs: ['autoscaling.DescribeAutoScalingGroups', 'elbv2.DescribeLoadBalancers'],
  consults: [
    'autoscaling.DescribeScheduledActions',
    'ec2.DescribeAvailabilityZones',
    'ec2.DescribeSubnets',
    'elbv2.DescribeTargetGroups',
  ],
  judge(context, part, verdict) {
    const { raw, name } = part;
    const update = `aws autoscaling update-auto-scaling-group --auto-scaling-group-name ${name}`;
    if (raw.Status) verdict.unknown(`${name} is in state '${raw.Status}'`);
    verdict.attempt(() => judgeMinSize(context, part, update, verdict));
    verdict.attempt(() => judgeSchedules(context, part, verdict));
    let zones: string[] = [];
    verdict.attempt(() => {
      const fix = chooseFix(context.inventory, {
        command: `${update} --vpc-zone-identifier ${raw.VPCZoneIdentifier ?? ''},<a subnet in another zone>`,
        template: `add a subnet in another zone to VPCZoneIdentifier of ${name}`,
      });
      zones = requireZones(context, { what: 'subnets', names: zonesOf(context, part), fix }, verdict);
    });
    for (const balancer of balancersOf(context, part)) {
      verdict.attempt(() => requireEnabled(context, balancer, zones, verdict));
    }
    verdict.attempt(() => judgeRunning(context, part, verdict));
    const suspended = (raw.SuspendedProcesses ?? []).map(({ ProcessName }) => ProcessName);
    for (const process of ['AZRebalance', 'Launch']) {
      if (suspended.includes(process)) verdict.warn(`the process ${process} is suspended`);
    }
  },
});

function judgeMinSize(
  { inventory }: Context,
  { raw, name }: AutoScalingGroupPart,
  update: string,
  verdict: Verdict,
): void {
  const least = leastInstances(raw, raw.MinSize, `MinSize of ${name}`);
  if (least >= 2) verdict.pass(`MinSize ${raw.MinSize}`);
  else if (least === Number(raw.MinSize))
    verdict.fail({
      reason: `MinSize is ${least}, at least 2 is needed`,
      fix: chooseFix(inventory, {
        command: `${update} --min-size 2`,
        template: `set MinSize of ${name} to 2 or more`,
      }),
    });
  else
    verdict.fail({
      reason: `MinSize ${raw.MinSize} counts units of capacity, and one instance may make them up: at least 2 instances are needed`,
      fix: chooseFix(inventory, {
        command: `${update} --min-size <twice the largest weight>`,
        template: `set MinSize of ${name} to twice its largest weight or more`,
      }),
    });
}

function judgeSchedules({ inventory }: Context, { raw, name }: AutoScalingGroupPart, verdict: Verdict): void {
  for (const action of scheduledSizes(inventory.answers, name)) {
    const title = action.ScheduledActionName ?? 'a scheduled action';
    if (leastInstances(raw, action.MinSize, `MinSize of scheduled action ${title}`) >= 2) continue;
    const when = action.Recurrence ? ` (${action.Recurrence})` : '';
    verdict.fail({
      reason: `scheduled action ${title} sets MinSize ${action.MinSize}${when}, at least 2 is needed`,
      fix: chooseFix(inventory, {
        command: `aws autoscaling put-scheduled-update-group-action --auto-scaling-group-name ${name} --scheduled-action-name ${title} --min-size 2`,
        template: `set MinSize of ${title} to 2 or more`,
      }),
    });
  }
}

function judgeRunning(context: Context, { raw, name }: AutoScalingGroupPart, verdict: Verdict): void {
  const running = knownList(raw.Instances, `instances of ${name}`).filter(
    ({ LifecycleState }) => LifecycleState === 'InService',
  );
  if (running.length < 2) return;
  const names = running.map(({ AvailabilityZone }) =>
    known(AvailabilityZone, `the zone of an instance of ${name}`),
  );
  // Two instances can't be in more than two zones, whatever --min-zones says.
  const needed = Math.max(2, Math.min(context.minZones, running.length));
  requireZones(context, { what: `${running.length} instances run`, names, needed }, verdict);
}

function zonesOf({ inventory }: Context, { raw, name }: AutoScalingGroupPart): string[] {
  const subnets = knownOrAbsent(raw.VPCZoneIdentifier, `subnets of ${name}`);
  if (!subnets) return knownList(raw.AvailabilityZones, `zones of ${name}`);
  return inventory.zones.ofSubnets(
    subnets
      .split(',')
      .map((id) => id.trim())
      .filter(Boolean),
  );
}

/**
 * The load balancers whose target groups the group uses. Without any, a group that is alone gets the selected load
 * balancers.
 */
export function balancersOf(
  { inventory, selection }: Context,
  part: AutoScalingGroupPart,
): LoadBalancerPart[] {
  const attached = new Set(part.targetGroupArns);
  const groups = listAnswers(inventory.answers, 'elbv2', 'DescribeTargetGroups', 'TargetGroups').items;
  const arns = groups
    .filter(({ TargetGroupArn }) => attached.has(TargetGroupArn ?? ''))
    .flatMap(({ LoadBalancerArns }) => LoadBalancerArns ?? []);
  const found = inventory.parts['load-balancer'].items.filter(({ id }) => arns.includes(id));
  if (found.length > 0) return found;
  return selection['auto-scaling-group'].parts.length === 1 ? selection['load-balancer'].parts : [];
}

function requireEnabled(
  { inventory }: Context,
  balancer: LoadBalancerPart,
  zones: string[],
  verdict: Verdict,
): void {
  const enabled = knownList(balancer.raw.AvailabilityZones, `zones of ${balancer.name}`).map((zone) =>
    known(zone.ZoneName, `a zone of ${balancer.name}`),
  );
  const missing = zones.filter((zone) => !enabled.includes(zone));
  if (missing.length === 0) verdict.pass(`all enabled on ${balancer.name}`);
  else {
    verdict.fail({
      reason: `${missing.join(', ')} not enabled on load balancer ${balancer.name}: instances there get no requests`,
      fix: chooseFix(inventory, {
        command: `aws elbv2 set-subnets --load-balancer-arn ${balancer.id} --subnets <the present ones and one in ${missing.join(', ')}>`,
        template: `add a subnet in ${missing.join(', ')} to Subnets of ${balancer.name}`,
      }),
    });
  }
}

/**
 * The lowest number of instances for `size`.
 * @throws UnknownError where the size or an instance's weight cannot be known
 */
function leastInstances(raw: AutoScalingGroup, size: unknown, what: string): number {
  const asked = Number(known(size, what));
  if (Number.isNaN(asked)) throw new UnknownError(`${what} is no number`);
  return Math.ceil(asked / mostUnits(raw, asked));
}

/** The most units of the group's size for which one instance can count. */
function mostUnits(raw: AutoScalingGroup, asked: number): number {
  const name = raw.AutoScalingGroupName;
  const unit = knownOrAbsent(raw.DesiredCapacityType, `the unit of the size of ${name}`) ?? 'units';
  const policy = knownOrAbsent(raw.MixedInstancesPolicy, `the mixed instances policy of ${name}`);
  const template = knownOrAbsent(policy?.LaunchTemplate, `the launch template of ${name}`);
  const overrides = knownList(template?.Overrides, `the instance types of ${name}`);
  if (unit !== 'units') {
    // One instance can provide the whole size, unless its requirements have a maximum.
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

/**
 * Scheduled actions that set the minimum size.
 * @throws UnknownError where the call was made and failed
 */
function scheduledSizes(answers: Answers, groupName: string): ScheduledUpdateGroupAction[] {
  const listed = listAnswers(
    answers,
    'autoscaling',
    'DescribeScheduledActions',
    'ScheduledUpdateGroupActions',
  );
  // An older snapshot lacks this call, and some endpoints do not have it. Both say nothing about schedules.
  if (listed.absent || isUnknownCall(answers)) return [];
  const mine = listed.items.filter(
    (action) => known(action.AutoScalingGroupName, 'the group of a scheduled action') === groupName,
  );
  if (listed.unknownReasons.length > 0) throw new UnknownError(listed.unknownReasons[0]!);
  return mine.filter(
    ({ MinSize }) => MinSize !== undefined && MinSize !== null && (MinSize as number) !== -1,
  );
}
