// Functions that change a snapshot a little, and that read the findings about it.

import type { ControlId, Finding } from '../../../ops-scripts/compliance/findings.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import type { SelectionOptions } from '../../../ops-scripts/compliance/selection/select-stack.ts';
import type {
  AnswerOf,
  CallAnswers,
  ClientName,
  CommandOf,
  Snapshot,
} from '../../../ops-scripts/compliance/snapshot.ts';

/** The answer to the first call of this command, to be changed in place. */
export function answerOf<C extends ClientName, N extends CommandOf<C>>(
  snapshot: Snapshot,
  client: C,
  command: N,
): CallAnswers[C][N] {
  const key = keyOf(snapshot, `${client}.${command}`);
  const outcome = snapshot.calls[key];
  if (!outcome?.ok) throw new Error(`${key} has no answer`);
  return outcome.result as AnswerOf<C, N>;
}

export function keyOf(snapshot: Snapshot, name: string): string {
  const key = Object.keys(snapshot.calls).find((each) => each === name || each.startsWith(`${name}(`));
  if (key === undefined) throw new Error(`${name} is not in the snapshot`);
  return key;
}

export function deny(snapshot: Snapshot, key: string, name = 'AccessDenied'): void {
  snapshot.calls[key] = { ok: false, error: { name, message: 'not allowed' } };
}

/** Adds rules to the ingress of a group. */
export function addIngress(snapshot: Snapshot, groupId: string, ...rules: object[]): void {
  securityGroup(snapshot, groupId).IpPermissions!.push(...(rules as []));
}

export function securityGroup(snapshot: Snapshot, groupId: string) {
  const group = answerOf(snapshot, 'ec2', 'DescribeSecurityGroups').SecurityGroups!.find(
    ({ GroupId }) => GroupId === groupId,
  );
  if (group === undefined) throw new Error(`there is no ${groupId}`);
  return group;
}

export function findingsOf(snapshot: Snapshot, selection: SelectionOptions = {}): Finding[] {
  return judge(snapshot, { mode: 'snapshot', selection }).findings;
}

/** The only finding of a control. A test that expects several uses `findingsOf`. */
export function findingOf(snapshot: Snapshot, control: ControlId, selection: SelectionOptions = {}): Finding {
  const found = findingsOf(snapshot, selection).filter((finding) => finding.control === control);
  if (found.length !== 1) throw new Error(`${control} has ${found.length} findings`);
  return found[0]!;
}

export function statusOf(snapshot: Snapshot, control: ControlId, selection: SelectionOptions = {}): string {
  return findingOf(snapshot, control, selection).status;
}
