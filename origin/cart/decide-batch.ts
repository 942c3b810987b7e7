// Decides the new contents of one cart: its journal first, then the waiting operations, each counted once.
// Pure. The replay of a journal stands below.
import {
  type CartContents,
  changeLines,
  type DirectSets,
  type LineChange,
  opMarkOf,
} from './cart-contents.ts';
import { type CartOutcome, refusalOf, type WaitingOperation } from './check-operation.ts';

export interface Decision {
  /** The contents to store as the next version, if `changed`. */
  contents: CartContents;
  changed: boolean;
  /** Op ids to record with the next version. */
  recorded: { opId: string; fingerprint: string }[];
  /** One outcome for each waiting operation, in their order. */
  outcomes: CartOutcome[];
  /** Ids that Postgres has once the decision is stored. Only these may leave the journal. */
  drained: string[];
}

/**
 * At most so many direct sets are remembered, and the oldest are forgotten first. A journalled `set` may then
 * override a forgotten one, but no operation is lost.
 */
const maxDirectSets = 64;

/** @param known fingerprints by op id of the operations that the base has, read in the same snapshot as the base */
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

// Replays journalled operations on top of stored contents: each once, in order. A later direct `set` wins.

export interface JournalledOperation extends LineChange {
  opId: string;
  fingerprint: string;
  /** The newest version of the cart that was known when the operation entered the journal. */
  madeOn: number;
  /** Its place in the journal. It keeps this place when the operation is written again into an emptied Redis. */
  sequence?: number;
  /** Ids of operations that this browser had seen in the journal before it sent this one. */
  follows?: string[] | undefined;
}

export interface Replay {
  /** The contents after the replay. The version is still the base's; the code that stores them raises it. */
  contents: CartContents;
  /** Journalled operations that the base lacked, also those that a later direct `set` overrides. */
  fresh: JournalledOperation[];
  /** Whether anything differs from the base that must be stored. */
  changed: boolean;
}

/**
 * Replays a journal. An operation whose commit was uncertain may be in Postgres and still in the journal. Its `set`
 * then counts as a journalled one, because a direct `set` would override the operations after it in the journal.
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
 * Tells whether the browser had seen that `set` in the journal before it sent this operation. That `set` is then
 * older, even if its commit has a later version. An emptied Redis no longer shows this by its order.
 */
function follows({ follows: opIds = [] }: JournalledOperation, opMark: string): boolean {
  return opIds.some((opId) => opMarkOf(opId) === opMark);
}

/** Joins two readings of one journal: each operation once, in order. */
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
