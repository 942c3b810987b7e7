// The type of a control, and what several controls share: counting zones, states in between, hardening.
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

interface Spread {
  /** Subject of the reason, such as `3 instances run`. */
  what: string;
  /** Names of the zones, repeated or not. */
  names: string[];
  /** How many different ones are needed; default: `minZones`. */
  needed?: number;
  fix?: string | undefined;
}

/** Passes where `names` has at least `needed` different Availability Zones, else fails. */
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

/** States that sound like a change, and leave zones as they are. */
const settled = new Set([
  'backing-up',
  'configuring-enhanced-monitoring',
  'configuring-iam-database-auth',
  'configuring-log-exports',
  'snapshotting',
]);

/** The first of the states (`modifying`, `enabling` …) that is one in between. */
export function findInBetween(states: unknown[]): string | undefined {
  const words = states.map((state) => String(state ?? '').toLowerCase());
  return words.find(
    (word) =>
      !settled.has(word) && /^[a-z]+ing\b|^(maintenance|storage-config-upgrade|delete-precheck)$/.test(word),
  );
}

/** The same verdict, but each failure is unknown while the part is in a state in between. */
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

/** One control for each kind of part that it asks something of, all with the same id. */
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

/** A switch that is on or off; an UnknownError where it is absent, marked as not knowable, or anything else. */
export function knownSwitch(value: boolean | undefined, what: string): boolean {
  const found: unknown = known(value, what);
  if (typeof found !== 'boolean') throw new UnknownError(`${what} is neither true nor false`);
  return found;
}
