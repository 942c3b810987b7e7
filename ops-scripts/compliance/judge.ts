// Judges a snapshot by every control: one finding for each selected part, or one for a kind without parts.
import { failuresOf, isMade } from './answers.ts';
import { type Finding, openVerdict, type Policy, type Report, summarize, type Verdict } from './findings.ts';
import { readInventory } from './inventory/inventory.ts';
import { kindNames } from './parts/part.ts';
import { controlsOf } from './rules/all-controls.ts';
import type { Context, Control } from './rules/control.ts';
import { type SelectionOptions, selectStack } from './selection/select-stack.ts';
import type { Mode, Snapshot } from './snapshot.ts';

export interface JudgeOptions {
  mode: Mode;
  selection: SelectionOptions;
  /** The number of Availability Zones that each part must span; default 2. */
  minZones?: number;
  /** Default `chain`. */
  policy?: Policy;
}

export function judge(
  snapshot: Snapshot,
  { mode, selection, minZones = 2, policy = 'chain' }: JudgeOptions,
): Report {
  const inventory = readInventory(snapshot, mode);
  const context: Context = { inventory, selection: selectStack(inventory, selection), minZones };
  const findings = controlsOf(policy).flatMap((control) => applyControl(context, control));
  const failed = Object.values(snapshot.calls).flatMap((outcome) => (outcome.ok ? [] : [outcome.error.name]));
  return {
    format: 'myclothes-compliance/1',
    mode,
    account: snapshot.account,
    region: snapshot.region,
    summary: summarize(findings),
    findings,
    calls: {
      made: Object.keys(snapshot.calls).length,
      denied: failed.filter((name) => /denied|unauthori|notauthorized|forbidden/i.test(name)).length,
    },
  };
}

function applyControl(context: Context, control: Control): Finding[] {
  const { parts, unknownReasons } = context.selection[control.kind];
  const { faults } = context.inventory;
  const findings = parts.map((part) => {
    const verdict = openVerdict([...control.needs, ...control.consults]);
    faults.forEach(verdict.unknown);
    verdict.attempt(() => control.judge(context, part, verdict));
    // A template adds this reason if something may change the part after its creation.
    const { MayChange: why } = part.raw as { MayChange?: unknown };
    if (typeof why === 'string') verdict.unknown(why);
    checkCalls(context, control, part.id, verdict);
    return verdict.conclude(control.id, part.id);
  });
  if (parts.length > 0 && unknownReasons.length === 0) return findings;
  const verdict = openVerdict();
  [...faults, ...unknownReasons].forEach(verdict.unknown);
  if (faults.length + unknownReasons.length === 0) verdict.unknown(`no ${kindNames[control.kind]} was found`);
  return [...findings, verdict.conclude(control.id, kindNames[control.kind])];
}

/** Adds an unknown reason for each call that the control needs and that was not answered in full. */
function checkCalls({ inventory }: Context, control: Control, partId: string, verdict: Verdict): void {
  for (const name of control.needs) {
    if (!isMade(inventory.answers, name)) verdict.unknown(`${name} is not in the snapshot`);
  }
  for (const name of [...control.needs, ...control.consults]) {
    for (const failure of failuresOf(inventory.answers, name)) {
      // A failed call about another load balancer says nothing about this one.
      const other = failure.includes('loadbalancer/') && !failure.includes(partId);
      if (!other) verdict.unknown(failure);
    }
  }
}
