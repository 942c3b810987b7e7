// The results of a freshness drill, as JSON and as text.
import type { FaultLog } from './fault-schedule.ts';
import type { ReadJudgements, Tier } from './judge-reads.ts';
import type { Written } from './writers.ts';

export interface FreshnessFigures {
  seconds: number;
  reads: number;
  readsByDoor: Record<string, number>;
  /** Acknowledged changes. */
  changes: number;
  /** Commit to done. */
  doneMs: Percentiles;
  /** The same, of changes that no fault touched. */
  quietDoneMs: Percentiles;
  faults: number;
  faultsByName: Record<string, number>;
  stale: number;
  staleByTier: Record<Tier, number>;
}

interface Percentiles {
  p50: number;
  p99: number;
}

export function toFigures({
  judgements,
  written,
  log,
  seconds,
}: {
  judgements: ReadJudgements;
  written: Written;
  log: FaultLog;
  seconds: number;
}): FreshnessFigures {
  return {
    seconds: Math.round(seconds),
    reads: judgements.reads,
    readsByDoor: Object.fromEntries(judgements.byDoor),
    changes: written.acknowledged,
    doneMs: percentiles(written.doneMs),
    quietDoneMs: percentiles(written.quietDoneMs),
    faults: [...log.counts.values()].reduce((sum, count) => sum + count, 0),
    faultsByName: Object.fromEntries(log.counts),
    stale: Object.values(judgements.staleByTier).reduce((sum, count) => sum + count, 0),
    staleByTier: judgements.staleByTier,
  };
}

export function describeFreshness(
  figures: FreshnessFigures,
  judgements: ReadJudgements,
  written: Written,
  log: FaultLog,
): string[] {
  const tiers = Object.entries(figures.staleByTier).map(([tier, count]) => `${tier} ${count}`);
  const doors = Object.entries(figures.readsByDoor).map(([door, count]) => `${door} ${count}`);
  const faults = Object.entries(figures.faultsByName).map(([name, count]) => `${name} ${count}`);
  const refusals = [...judgements.refused].map(([code, count]) => `${code} ${count}`);
  const { doneMs, quietDoneMs } = figures;
  return [
    `${figures.reads} reads (${doors.join(', ')}), ${figures.changes} changes, ${figures.faults} faults in ${figures.seconds} s`,
    `stale: ${figures.stale} (${tiers.join(', ')})`,
    `commit to done: p50 ${doneMs.p50} ms, p99 ${doneMs.p99} ms; without a fault p50 ${quietDoneMs.p50} ms, p99 ${quietDoneMs.p99} ms`,
    `${judgements.unansweredReads} reads came to no answer; refused: ${refusals.join(', ') || 'none'}`,
    ...(faults.length > 0 ? [`faults: ${faults.join(', ')}`] : []),
    ...(written.neverDone > 0 ? [`${written.neverDone} changes were acknowledged and never done`] : []),
    ...(judgements.blind.length > 0
      ? [`${judgements.blind.length} answers showed nothing, such as ${judgements.blind[0]}`]
      : []),
    ...log.failures.map((failure) => `not done: ${failure}`),
  ];
}

function percentiles(values: number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}
