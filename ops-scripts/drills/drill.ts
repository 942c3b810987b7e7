// The types of a drill: its options, what it runs on, and its result; and one result of several faults.

import type { SeededRandom } from '../traffic/seeded-random.ts';
import type { CartStateName, DrillRegion } from './region.ts';

export interface DrillResult {
  drill: string;
  state: CartStateName;
  seed: number;
  /** Writes that were answered 2xx. */
  acknowledged: number;
  /** Pieces (or orders) that were acknowledged and are gone. */
  lost: number;
  /** Pieces (or orders) that nobody asked for. */
  duplicated: number;
  /**
   * Operations that never came to an answer, answers that forgot the shopper's own writes, carts that cannot be read.
   */
  errors: number;
  /** The longest stretch without an acknowledged write. */
  unavailableSeconds: number;
  /** From the fault to the last failed attempt after it. */
  recoverySeconds: number;
  /** `skipped`: this machine cannot do it; the note says why. */
  verdict: 'pass' | 'fail' | 'skipped';
  notes: string[];
  /** Loss is what this drill is there to show; it passes only if it was seen. */
  expectLoss?: true;
  /** For people; not part of the JSON line. */
  picture?: string;
  history?: string[];
}

/** Of a drill that runs several faults: losses and errors together, and the longest gap. */
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
  /** Fewer shoppers and shorter faults. */
  short: boolean;
  size: DrillSize;
  /** Tells people how a long drill goes. */
  progress(sentence: string): void;
  /** Aborted: a long drill ends at its next calm, and reports. */
  stopping: AbortSignal;
}

/** How much of everything; what is undefined, each drill chooses itself. */
export interface DrillSize {
  shoppers?: number | undefined;
  /** How long shoppers shop, the fault in the middle. */
  seconds?: number | undefined;
  /** Between two things that a shopper does, at most. */
  thinkMs?: number | undefined;
  /** `random` goes on for so many minutes and faults at least. */
  minutes: number;
  faults: number;
}

/** A fault, done to a region while shoppers shop. */
export interface FaultContext extends DrillContext {
  mark(label: string): void;
  note(sentence: string): void;
  /** How many writes were acknowledged by the journal so far. */
  journalled(): number;
  /**
   * Until the fault has healed, what was lost is rebuilt and no journal holds anything; judges the carts that were
   * left meanwhile.
   * What comes next is a single fault again.
   */
  calm(): Promise<void>;
}

export interface Fault {
  summary: string;
  inflict(context: FaultContext): Promise<void>;
  /** Replaces the shoppers' fetch. */
  send?: (random: SeededRandom) => typeof fetch;
  /** States in which this fault is expected to lose carts. */
  loses?: (state: CartStateName) => boolean;
  /** How long shoppers go on after the fault; default 6 s. */
  afterSeconds?: number;
  /** What the region must be made of. */
  needs?: 'small-disks';
}
