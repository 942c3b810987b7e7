// The oracle: which value each change set, and the lowest value a new request may see.
// Prices and stocks only rise, so a value identifies its change.
import { leastPrice, type Subject } from './subjects.ts';

/**
 * One number that a product shows: its price or its stock. Slots `2i` and `2i + 1` are those of the subject `i`; the
 * last is that of the archivable product.
 */
export type Slot = number;

export interface Finished {
  value: number;
  /** Milliseconds of the drill at which we were told that it is done. */
  atMs: number;
}

export interface Oracle {
  /** The lowest value that a request that begins now may be shown, by slot; a copy. */
  floors(): Int32Array;
  /** The next value of a slot, which is then on its way until `finish` or `abandon`. */
  begin(slot: Slot): number;
  finish(slot: Slot, value: number, atMs: number): void;
  readonly finishedChanges: number;
  /** The newest value on its way or finished. */
  begun(slot: Slot): number;
  /** The slot of the product that is taken archived and published again. */
  readonly archivable: Slot;
  /** Slots of subjects without a change on its way. */
  idle(): Slot[];
  /** Of the change that first forbade what was seen. */
  finishedAbove(slot: Slot, seen: number): Finished | undefined;
  describe(slot: Slot): string;
}

export function openOracle(subjects: Subject[]): Oracle {
  const archivable = 2 * subjects.length;
  const first = subjects.flatMap(({ firstPrice, firstStock }) => [firstPrice, firstStock]);
  const begun = new Int32Array([...first, leastPrice]);
  const finished = new Int32Array(begun.length);
  const history = Array.from(begun, (): Finished[] => []);
  const onTheirWay = new Set<Slot>();
  return {
    get finishedChanges() {
      return history.reduce((sum, { length }) => sum + length, 0);
    },
    floors: () => finished.slice(),
    begin(slot) {
      onTheirWay.add(slot);
      begun[slot]! += 1;
      return begun[slot]!;
    },
    finish(slot, value, atMs) {
      onTheirWay.delete(slot);
      if (value <= finished[slot]!) return;
      finished[slot] = value;
      history[slot]!.push({ value, atMs });
    },
    begun: (slot) => begun[slot]!,
    archivable,
    idle: () => [...begun.keys()].filter((slot) => slot !== archivable && !onTheirWay.has(slot)),
    finishedAbove: (slot, seen) => history[slot]!.find(({ value }) => value > seen),
    describe: (slot) =>
      slot === archivable
        ? 'state of the archivable product'
        : `${slot % 2 === 0 ? 'price' : 'stock'} of ${subjects[slot >> 1]!.slug}`,
  };
}
