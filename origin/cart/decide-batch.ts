// Decides the new contents of one cart: its journal first, then the waiting operations, each counted once. Pure.
import { type CartContents, changeLines, type DirectSets, opMarkOf } from './cart-contents.ts';
import { type CartOutcome, refusalOf, type WaitingOperation } from './check-operation.ts';
import { type JournalledOperation, replayJournal } from './replay-journal.ts';

export interface Decision {
  /** To be stored as the next version, if `changed`. */
  contents: CartContents;
  changed: boolean;
  /** Op ids to record with the next version. */
  recorded: { opId: string; fingerprint: string }[];
  /** One for each waiting operation, in their order. */
  outcomes: CartOutcome[];
  /** Ids that the base now certainly has; only these may leave the journal. */
  drained: string[];
}

/**
 * Sets of more lines than this are forgotten, oldest first; then a journalled `set` may count once more, none is lost.
 */
const maxDirectSets = 64;

/** @param known fingerprints by op id, of those operations that the base has, read in the same snapshot as the base */
export function decideCart(
  base: CartContents,
  known: ReadonlyMap<string, string>,
  journal: JournalledOperation[],
  waiting: WaitingOperation[],
): Decision {
  const replay = replayJournal(base, (opId) => known.has(opId), journal);
  const recorded = replay.fresh.map(({ opId, fingerprint }) => ({ opId, fingerprint }));
  const fingerprints = new Map(known);
  for (const { opId, fingerprint } of recorded) fingerprints.set(opId, fingerprint);
  const nextVersion = base.version + 1;
  let { lines, directSets } = replay.contents;

  const outcomes = waiting.map((operation): CartOutcome => {
    const seen = fingerprints.get(operation.opId);
    if (seen !== undefined) return seen === operation.fingerprint ? 'applied' : 'reused';
    const refused = refusalOf(lines, operation);
    if (refused !== undefined) return refused;
    lines = changeLines(lines, operation);
    if (operation.kind === 'set') directSets = recordSet(directSets, operation, nextVersion);
    fingerprints.set(operation.opId, operation.fingerprint);
    recorded.push({ opId: operation.opId, fingerprint: operation.fingerprint });
    return 'applied';
  });

  const changed = replay.changed || recorded.length > 0;
  return {
    contents: { ...base, version: changed ? nextVersion : base.version, lines, directSets },
    changed,
    recorded,
    outcomes,
    drained: journal.map((operation) => operation.opId),
  };
}

function recordSet(sets: DirectSets, operation: WaitingOperation, version: number): DirectSets {
  const next = { ...sets, [operation.variantId]: [version, opMarkOf(operation.opId)] as [number, string] };
  const entries = Object.entries(next);
  if (entries.length <= maxDirectSets) return next;
  return Object.fromEntries(entries.sort(([, a], [, b]) => b[0] - a[0]).slice(0, maxDirectSets));
}
