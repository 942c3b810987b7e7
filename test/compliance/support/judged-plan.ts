// A Terraform plan judged by all controls: its findings, and the worst status of one control.
import type { Finding } from '../../../ops-scripts/compliance/findings.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { snapshotFromPlan } from '../../../ops-scripts/compliance/plan/plan.ts';
import { PlanStack } from './plan-stack.ts';

export type Json = Record<string, unknown>;

export function judgedPlan(plan: object): Finding[] {
  const snapshot = snapshotFromPlan(JSON.stringify(plan), 'plan.json');
  return judge(snapshot, { mode: 'plan', selection: {}, policy: 'all' }).findings;
}

export function describeStack(
  change: (resources: PlanStack['resources'], stack: PlanStack) => void = () => {},
) {
  const stack = new PlanStack();
  change(stack.resources, stack);
  return stack.describe();
}

export function worst(findings: Finding[], control: string) {
  const own = findings.filter((finding) => finding.control === control);
  const status = (['fail', 'unknown', 'pass'] as const).find((each) =>
    own.some((finding) => finding.status === each),
  );
  return `${status}`;
}

export const notPassed = (plan: object) =>
  judgedPlan(plan)
    .filter(({ status }) => status !== 'pass')
    .map(({ control, status, reason }) => `${control} ${status}: ${reason}`);
