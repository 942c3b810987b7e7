// What the controls of the hardening policy share: one text a control, and a judgement for each kind of part.
import type { HardeningId } from '../control-ids.ts';
import type { PartKind, PartsByKind } from '../parts/part.ts';
import { type Context, type Control, defineControl } from '../rules/control.ts';
import { known, UnknownError } from '../unknown.ts';
import type { Verdict } from '../verdict.ts';

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
