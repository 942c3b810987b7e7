// The types of a drill: its options, the region it runs on, its result, and one result for several faults.

import type { SeededRandom } from '../traffic/seeded-random.ts';
import type { CartStateName, DrillRegion } from './region.ts';

export interface DrillResult {
  drill: string;
  state: CartStateName;
  seed: number;
  /** Writes with a 2xx answer. */
  acknowledged: number;
  /** Acknowledged pieces (or orders) that are gone. */
  lost: number;
  /** Pieces (or orders) that nobody asked for. */
  duplicated: number;
  /** Operations without a final answer, answers without the shopper's own earlier writes, and unreadable carts. */
  errors: number;
  /** The longest stretch without an acknowledged write. */
  unavailableSeconds: number;
  /** From the fault to the last failed attempt after it. */
  recoverySeconds: number;
  /** `skipped`: this machine cannot run the drill; the note says why. */
  verdict: 'pass' | 'fail' | 'skipped';
  notes: string[];
  /** Set for a drill that must show a loss: it passes only if it saw one. */
  expectLoss?: true;
  /** For people, and not part of the JSON line. */
  picture?: string;
  history?: string[];
}

/** Combines the results of a drill with several faults: sums of losses and errors, and the longest gap. */
export function addUpResults(
  drill: string,
  { state, seed }: Pick<DrillContext, 'state' | 'seed'>,
  results: DrillResult[],
  notes: string[],
): DrillResult {
  const sum = (of: (result: DrillResult) => number) => results.reduce((total, each) => total + of(each), 0);
  return {
    drill,
    state,
    seed,
    acknowledged: sum(({ acknowledged }) => acknowledged),
    lost: sum(({ lost }) => lost),
    duplicated: sum(({ duplicated }) => duplicated),
    errors: sum(({ errors }) => errors),
    unavailableSeconds: Math.max(...results.map((each) => each.unavailableSeconds)),
    recoverySeconds: Math.max(...results.map((each) => each.recoverySeconds)),
    verdict: results.every(({ verdict }) => verdict === 'pass') ? 'pass' : 'fail',
    notes,
    history: results.flatMap(({ history = [] }) => history),
  };
}

export interface DrillContext {
  region: DrillRegion;
  state: CartStateName;
  seed: number;
  random: SeededRandom;
  /** Whether to run with fewer shoppers and shorter faults. */
  short: boolean;
  size: DrillSize;
  /** Tells people about the progress of a long drill. */
  progress(sentence: string): void;
  /** When aborted, a long drill ends at its next calm and reports. */
  stopping: AbortSignal;
}

/** The size of the drill. Each drill has its own default for an undefined member. */
export interface DrillSize {
  shoppers?: number | undefined;
  /** How long shoppers shop. The fault comes in the middle. */
  seconds?: number | undefined;
  /** The longest pause of a shopper between two actions. */
  thinkMs?: number | undefined;
  /** The least minutes and faults of the drill `random`. */
  minutes: number;
  faults: number;
}

/** What a fault needs to hurt a region while shoppers shop. */
export interface FaultContext extends DrillContext {
  mark(label: string): void;
  note(sentence: string): void;
  /** How many writes were acknowledged from the journal so far. */
  journalled(): number;
  /**
   * Waits until the fault has healed, lost parts are rebuilt and every journal is empty. Then it judges the carts of
   * shoppers who have left. The next fault is then a single one again.
   */
  calm(): Promise<void>;
}

export interface Fault {
  summary: string;
  inflict(context: FaultContext): Promise<void>;
  /** Makes the function that shoppers use instead of fetch. */
  send?: (random: SeededRandom) => typeof fetch;
  /** The cart states in which this fault may lose carts. */
  loses?: (state: CartStateName) => boolean;
  /** How long shoppers go on after the fault; default 6 s. */
  afterSeconds?: number;
  /** What the region must have. */
  needs?: 'small-disks';
}
