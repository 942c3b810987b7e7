// A benchmark's result: a figure, the named limit measured in the same run, and their ratio.
export interface BenchResult {
  bench: string;
  /** What was measured, with its unit. */
  measured: string;
  /** The limit or peer, with its unit. */
  against: string;
  ours: number;
  theirs: number;
  /** ours / theirs */
  ratio: number;
  /** The ratio that we aim for: at least, or at most where less is better. */
  aim?: number;
  /** Times and counts of work; absent: more is better. */
  lessIsBetter?: true;
  notes: string[];
}
