// Judges a snapshot by every control: each selected part gets one finding, and each kind without parts says why.
import { failuresOf, isMade } from './answers.ts';
import type { Finding, Report, Status } from './findings.ts';
import { kindNames } from './parts/part.ts';
import { allControls } from './rules/all-controls.ts';
import type { Context, Control } from './rules/control.ts';
import { selectStack } from './selection/select-stack.ts';
import type { SelectionOptions } from './selection/selection.ts';
import type { Mode, Snapshot } from './snapshot.ts';
import { openVerdict, type Verdict } from './verdict.ts';
import { openWorld } from './world/world.ts';

export interface JudgeOptions {
  mode: Mode;
  selection: SelectionOptions;
  /** Availability Zones that each part must span; default 2. */
  minZones?: number;
}

export function judge(snapshot: Snapshot, { mode, selection, minZones = 2 }: JudgeOptions): Report {
  const world = openWorld(snapshot, mode);
  const context: Context = { world, selection: selectStack(world, selection), minZones };
  const findings = allControls.flatMap((control) => applyControl(context, control));
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

export function summarize(findings: Finding[]): Record<Status, number> {
  const count = (status: Status) => findings.filter((finding) => finding.status === status).length;
  return { pass: count('pass'), fail: count('fail'), unknown: count('unknown'), waived: count('waived') };
}

function applyControl(context: Context, control: Control): Finding[] {
  const { parts, doubts } = context.selection[control.kind];
  const { faults } = context.world;
  const findings = parts.map((part) => {
    const verdict = openVerdict([...control.needs, ...control.consults]);
    faults.forEach(verdict.doubt);
    verdict.attempt(() => control.judge(context, part, verdict));
    checkCalls(context, control, part.id, verdict);
    return verdict.conclude(control.id, part.id);
  });
  if (parts.length > 0 && doubts.length === 0) return findings;
  const verdict = openVerdict();
  [...faults, ...doubts].forEach(verdict.doubt);
  if (faults.length + doubts.length === 0) verdict.doubt(`no ${kindNames[control.kind]} was found`);
  return [...findings, verdict.conclude(control.id, kindNames[control.kind])];
}

/** Whatever a control rests on and was not answered in whole makes it doubtful, even where no failure was met. */
function checkCalls({ world }: Context, control: Control, partId: string, verdict: Verdict): void {
  for (const name of control.needs) {
    if (!isMade(world.answers, name)) verdict.doubt(`${name} is not in the snapshot`);
  }
  for (const name of [...control.needs, ...control.consults]) {
    for (const failure of failuresOf(world.answers, name)) {
      // One asked for another load balancer says nothing about this one.
      const other = failure.includes('loadbalancer/') && !failure.includes(partId);
      if (!other) verdict.doubt(failure);
    }
  }
}
