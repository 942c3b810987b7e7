// Replays journalled operations on top of stored contents: each once, in order. A later direct `set` wins. Pure.
import {
  type CartContents,
  changeLines,
  type DirectSets,
  type LineChange,
  opMarkOf,
} from './cart-contents.ts';

export interface JournalledOperation extends LineChange {
  opId: string;
  fingerprint: string;
  /** The newest version of the cart that was known where the operation entered the journal. */
  madeOn: number;
  /** Its place in the journal. Kept when an emptied Redis gets it again. */
  sequence?: number;
  /** Ids of operations that this browser had seen in the journal before it sent this one. */
  follows?: string[] | undefined;
}

export interface Replay {
  /** The base's version is kept: who stores the state raises it. */
  contents: CartContents;
  /** Ids that the base lacked, also of those that were passed over. */
  fresh: JournalledOperation[];
  /** Whether `state` differs from the base in anything that must be stored. */
  changed: boolean;
}

/**
 * An operation may stand in the journal although Postgres has it: its commit was uncertain. It then counts as one of
 * the journal, not as a later direct `set`, or it would pass over those that followed it there.
 */
export function replayJournal(
  base: CartContents,
  baseHas: (opId: string) => boolean,
  journal: JournalledOperation[],
): Replay {
  let { lines, directSets } = base;
  const fresh: JournalledOperation[] = [];
  for (const operation of journal) {
    const direct = directSets[operation.variantId];
    if (baseHas(operation.opId)) {
      if (direct?.[1] === opMarkOf(operation.opId)) directSets = without(directSets, operation.variantId);
      continue;
    }
    fresh.push(operation);
    if (operation.kind === 'set') {
      if (direct !== undefined && direct[0] > operation.madeOn && !follows(operation, direct[1])) continue;
      if (direct !== undefined) directSets = without(directSets, operation.variantId);
    }
    lines = changeLines(lines, operation);
  }
  return {
    contents: { ...base, lines, directSets },
    fresh,
    changed: fresh.length > 0 || directSets !== base.directSets,
  };
}

/**
 * Its browser had seen that one in the journal, so that one is older, though its commit may have a later version: an
 * emptied Redis has it no longer, and it does not stand before this one.
 */
function follows({ follows: opIds = [] }: JournalledOperation, opMark: string): boolean {
  return opIds.some((opId) => opMarkOf(opId) === opMark);
}

/** Two readings of one journal as one, each operation once and in order. */
export function joinJournals(
  journal: JournalledOperation[],
  others: JournalledOperation[],
): JournalledOperation[] {
  const ids = new Set(journal.map(({ opId }) => opId));
  const added = others.filter(({ opId }) => !ids.has(opId));
  if (added.length === 0) return journal;
  return [...journal, ...added].sort((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0));
}

function without(sets: DirectSets, variantId: string): DirectSets {
  const { [variantId]: _gone, ...rest } = sets;
  return rest;
}
