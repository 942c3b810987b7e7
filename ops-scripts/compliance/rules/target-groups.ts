// The target groups that an Auto Scaling group registers its instances with.
import type { TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import { listAnswers } from '../answers.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { AutoScalingGroupPart } from '../parts/part.ts';

export function targetGroupsOf(inventory: Inventory, part: AutoScalingGroupPart): TargetGroup[] {
  const arns = new Set(part.targetGroupArns);
  return listAnswers(inventory.answers, 'elbv2', 'DescribeTargetGroups', 'TargetGroups').items.filter(
    ({ TargetGroupArn }) => arns.has(TargetGroupArn ?? ''),
  );
}
