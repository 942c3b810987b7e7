// What a drill is, and what it reports.
import type { CartStateName, Region } from './region.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Mark } from './timeline.ts';

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
  /** Operations that never came to an answer, answers that forgot the shopper's own writes, carts that cannot be read. */
  errors: number;
  /** The longest stretch without an acknowledged write. */
  unavailableSeconds: number;
  /** From the fault to the last failed attempt after it. */
  recoverySeconds: number;
  verdict: 'pass' | 'fail';
  notes: string[];
  /** Loss is what this drill is there to show; it passes only if it was seen. */
  expectLoss?: true;
  /** For people; not part of the JSON line. */
  picture?: string;
  history?: string[];
}

export interface DrillContext {
  region: Region;
  state: CartStateName;
  seed: number;
  random: SeededRandom;
  short: boolean;
}

/** A fault, done to a region while shoppers shop. */
export interface FaultContext extends DrillContext {
  mark(label: string): void;
  note(sentence: string): void;
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
}

export type { CartStateName, Mark };
