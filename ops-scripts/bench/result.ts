// What a benchmark reports: a figure, the named limit that it is measured against in the same run, and their ratio.
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
  /** The ratio that we aim for. */
  aim?: number;
  notes: string[];
}
