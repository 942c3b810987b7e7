// The type of a control, and what several controls share: counting zones, transitional states, hardening.
import type { ControlId, HardeningId, Verdict } from '../findings.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { PartKind, PartsByKind } from '../parts/part.ts';
import type { Selection } from '../selection/select-stack.ts';
import { known, UnknownError } from '../unknown.ts';

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
  /** Calls without which the control is unknown: absent, failed or cut. */
  needs: string[];
  /** Calls that make the control unknown if they failed or were cut. If absent, it judges without them. */
  consults: string[];
  judge(context: Context, part: PartsByKind[K], verdict: Verdict): void;
}

/**
 * Erases the kind, so that one list can have controls of several kinds. The runner gives each the parts of its own
 * kind.
 */
export function defineControl<K extends PartKind>(control: Control<K>): Control {
  return control as unknown as Control;
}

interface Spread {
  /** Subject of the reason, such as `3 instances run`. */
  what: string;
  /** Names of the zones, with or without repeats. */
  names: string[];
  /** How many different zones are needed; default: `minZones`. */
  needed?: number;
  fix?: string | undefined;
}

/** Passes if `names` has at least `needed` different Availability Zones, else fails. */
export function requireZones(
  context: Context,
  { what, names, needed = context.minZones, fix }: Spread,
  verdict: Verdict,
): string[] {
  const zones = context.inventory.zones.count(names);
  const list = zones.length === 0 ? 'no Availability Zone' : zones.join(', ');
  if (zones.length >= needed) verdict.pass(`${what} in ${list}`);
  else {
    verdict.fail({
      reason: `${what} in ${list} only, ${needed} zones are needed`,
      ...(fix ? { fix } : {}),
    });
  }
  return zones;
}

/** States whose names sound like a change but that leave zones as they are. */
const settled = new Set([
  'backing-up',
  'configuring-enhanced-monitoring',
  'configuring-iam-database-auth',
  'configuring-log-exports',
  'snapshotting',
]);

/** The first of the states that is transitional, such as `modifying` or `enabling`. */
export function findInBetween(states: unknown[]): string | undefined {
  const words = states.map((state) => String(state ?? '').toLowerCase());
  return words.find(
    (word) =>
      !settled.has(word) && /^[a-z]+ing\b|^(maintenance|storage-config-upgrade|delete-precheck)$/.test(word),
  );
}

/** The same verdict, but with unknowns instead of failures while the part is in a transitional state. */
export function unlessInBetween(verdict: Verdict, name: string, state: string | undefined): Verdict {
  if (state === undefined) return verdict;
  return {
    ...verdict,
    fail: ({ reason }) => verdict.unknown(`${reason}, which may change as ${name} is ${state}`),
  };
}

type Texts = Pick<Control, 'title' | 'why' | 'how' | 'blind' | 'remedy' | 'references'>;

type Judgements = {
  [K in PartKind]?: Pick<Control, 'needs' | 'consults'> & {
    judge(context: Context, part: PartsByKind[K], verdict: Verdict): void;
  };
};

/** Makes one control for each kind of part that a hardening requirement applies to, all with the same id. */
export function defineHardening(id: HardeningId, texts: Texts, judgements: Judgements): Control[] {
  return Object.entries(judgements).map(([kind, judgement]) =>
    defineControl({
      id,
      kind: kind as PartKind,
      ...texts,
      ...(judgement as Required<Judgements>['database']),
    }),
  );
}

/** Reads a boolean. Throws an UnknownError where it is absent, unknown, or anything else. */
export function knownSwitch(value: boolean | undefined, what: string): boolean {
  const found: unknown = known(value, what);
  if (typeof found !== 'boolean') throw new UnknownError(`${what} is neither true nor false`);
  return found;
}
