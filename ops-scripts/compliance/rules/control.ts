// The type of a control: its requirement, how it judges a part, and the calls that it reads.

import type { ControlId } from '../control-ids.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { PartKind, PartsByKind } from '../parts/part.ts';
import type { Selection } from '../selection/selection.ts';
import type { Verdict } from '../verdict.ts';

export interface Context {
  inventory: Inventory;
  selection: Selection;
  minZones: number;
}

export interface Control<K extends PartKind = PartKind> {
  id: ControlId;
  kind: K;
  title: string;
  why: string;
  how: string;
  blind: string;
  remedy: string;
  references: string[];
  /** Absent, failed or cut: unknown. */
  needs: string[];
  /** Failed or cut: unknown; absent: judged without. */
  consults: string[];
  judge(context: Context, part: PartsByKind[K], verdict: Verdict): void;
}

/** Erases the kind, so that controls of several kinds stand in one list; the runner gives each its own kind's parts. */
export function defineControl<K extends PartKind>(control: Control<K>): Control {
  return control as unknown as Control;
}
