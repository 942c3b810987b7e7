// What was changed to which value, and from when on nobody may see less. Every price and stock only rises, so a value tells which change it is.
import { leastPrice, type Subject } from './subjects.ts';

/** One number that a product shows: its price or its stock. Slots `2i` and `2i + 1` are those of the subject `i`; the last is the shelf's. */
export type Slot = number;

export interface Finished {
  value: number;
  /** Milliseconds of the drill at which we were told that it is done. */
  atMs: number;
}

export interface Books {
  /** The lowest value that a request that begins now may be shown, by slot; a copy. */
  floors(): Int32Array;
  /** The next value of a slot, which is then on its way until `finish` or `abandon`. */
  begin(slot: Slot): number;
  finish(slot: Slot, value: number, atMs: number): void;
  readonly finishedChanges: number;
  /** The newest value on its way or finished. */
  begun(slot: Slot): number;
  /** The slot of the product that is taken off the shelf and brought back. */
  readonly shelf: Slot;
  /** Slots of subjects without a change on its way. */
  idle(): Slot[];
  /** Of the change that first forbade what was seen. */
  finishedAbove(slot: Slot, seen: number): Finished | undefined;
  describe(slot: Slot): string;
}

export function openBooks(subjects: Subject[]): Books {
  const shelf = 2 * subjects.length;
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
    shelf,
    idle: () => [...begun.keys()].filter((slot) => slot !== shelf && !onTheirWay.has(slot)),
    finishedAbove: (slot, seen) => history[slot]!.find(({ value }) => value > seen),
    describe: (slot) =>
      slot === shelf
        ? 'state of the shelf'
        : `${slot % 2 === 0 ? 'price' : 'stock'} of ${subjects[slot >> 1]!.slug}`,
  };
}
