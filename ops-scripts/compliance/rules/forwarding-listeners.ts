// The listeners of a load balancer that hand requests to target groups, by their default action or by a rule.
import type { Action, Listener } from '@aws-sdk/client-elastic-load-balancing-v2';
import { listAnswers } from '../answers.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { LoadBalancerPart } from '../parts/part.ts';
import { knownList, UnknownError } from '../unknown.ts';

export interface Forwarding {
  listener: Listener;
  /** None for a listener that only redirects or answers by itself. */
  targetGroupArns: Set<string | undefined>;
}

/** Every listener of the load balancer; an UnknownError where none is told and some may exist. */
export function listenersOf(inventory: Inventory, part: LoadBalancerPart): Forwarding[] {
  const listed = listAnswers(inventory.answers, 'elbv2', 'DescribeListeners', 'Listeners', part.id);
  const listeners = listed.items.filter(({ LoadBalancerArn }) => LoadBalancerArn === part.id);
  if (listeners.length === 0 && listed.unknownReasons.length > 0)
    throw new UnknownError(listed.unknownReasons[0]!);
  return listeners.map((listener) => {
    const { ListenerArn: arn } = listener;
    const rules =
      arn === undefined ? [] : listAnswers(inventory.answers, 'elbv2', 'DescribeRules', 'Rules', arn).items;
    const actions = [listener.DefaultActions, ...rules.map(({ Actions }) => Actions)].flatMap((each) =>
      knownList(each, `actions of listener ${listener.Port} of ${part.name}`),
    );
    return { listener, targetGroupArns: new Set(actions.flatMap(targetsOf)) };
  });
}

function targetsOf({ TargetGroupArn, ForwardConfig }: Action): string[] {
  const weighed = ForwardConfig?.TargetGroups ?? [];
  const idle = new Set(weighed.filter(({ Weight }) => Weight === 0).map((target) => target.TargetGroupArn));
  const all = [TargetGroupArn, ...weighed.map((target) => target.TargetGroupArn)];
  return all.filter((arn) => arn !== undefined && !idle.has(arn)) as string[];
}
