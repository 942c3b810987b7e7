// The target groups that an Auto Scaling group registers its instances with.
import type { TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import { listAnswers } from '../answers.ts';
import type { AutoScalingGroupPart } from '../parts/part.ts';
import type { World } from '../world/world.ts';

export function targetGroupsOf(world: World, part: AutoScalingGroupPart): TargetGroup[] {
  const arns = new Set(part.targetGroupArns);
  return listAnswers(world.answers, 'elbv2', 'DescribeTargetGroups', 'TargetGroups').items.filter(
    ({ TargetGroupArn }) => arns.has(TargetGroupArn ?? ''),
  );
}
