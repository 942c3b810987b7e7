// The oracle: which value each change set, and the lowest value a new request may see.
// Prices and stocks only rise, so a value identifies its change.
import { leastPrice, type Subject } from './subjects.ts';

/**
 * One number that a product shows: its price or its stock. Slots `2i` and `2i + 1` belong to subject `i`. The last slot
 * is that of the archivable product.
 */
export type Slot = number;

export interface Finished {
  value: number;
  /** When the drill learned that the change is done, in its milliseconds. */
  atMs: number;
}

export interface Oracle {
  /** A copy of the lowest value of each slot that a request may see if it begins now. */
  floors(): Int32Array;
  /** Returns the next value of a slot, which is in progress until `finish`. */
  begin(slot: Slot): number;
  finish(slot: Slot, value: number, atMs: number): void;
  readonly finishedChanges: number;
  /** The newest value of a slot, in progress or finished. */
  begun(slot: Slot): number;
  /** The slot of the product that is archived and published again. */
  readonly archivable: Slot;
  /** Slots of subjects without a change in progress. */
  idle(): Slot[];
  /** The first finished change that forbids the value that was seen. */
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
