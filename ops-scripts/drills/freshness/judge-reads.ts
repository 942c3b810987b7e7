// Judges every read by the oracle's state when the request began.
// Keeps stale reads, and reports everything as JSON and text.
import { fieldOf } from '../../traffic/http-connection.ts';
import type { FaultLog } from './faults.ts';
import type { Read } from './readers.ts';
import type { Oracle } from './subjects.ts';
import type { Written } from './writers.ts';

/** Which cache answered, by its Cache-Status. */
type Tier = 'edge' | 'origin cache' | 'origin fill';

interface StaleRead {
  tier: Tier;
  /** When the change was done, when the request began, what it saw, and at which address. */
  story: string;
}

export interface ReadJudgements {
  judge(read: Read): void;
  /** Counts a request without an answer. */
  unanswered(): void;
  readonly reads: number;
  readonly unansweredReads: number;
  /** Answers 5xx, in which the shop said that it could not answer, by code. */
  readonly refused: Map<string, number>;
  /** Answers without a value that they should have shown. A drill that sees nothing must not pass. */
  readonly blind: string[];
  readonly staleByTier: Record<Tier, number>;
  /** The first stale reads. */
  readonly stale: StaleRead[];
  /** Reads by address. */
  readonly byDoor: Map<string, number>;
}

const mostKept = 200;

export function keepJudgements(oracle: Oracle, now: () => number, faultAt: () => string): ReadJudgements {
  const judgements = {
    reads: 0,
    unansweredReads: 0,
    refused: new Map<string, number>(),
    blind: [] as string[],
    staleByTier: { edge: 0, 'origin cache': 0, 'origin fill': 0 },
    stale: [] as StaleRead[],
    byDoor: new Map<string, number>(),
    unanswered() {
      judgements.unansweredReads += 1;
    },
    judge(read: Read) {
      judgements.reads += 1;
      judgements.byDoor.set(read.door.name, (judgements.byDoor.get(read.door.name) ?? 0) + 1);
      if (read.refusal !== undefined)
        judgements.refused.set(read.refusal, (judgements.refused.get(read.refusal) ?? 0) + 1);
      else if (isBlind(read) && judgements.blind.length < mostKept)
        judgements.blind.push(`${read.door.name} ${read.target.path}: ${read.status}`);
      const seen = read.seen.find(({ slot, value }) => value < read.floors[slot]!);
      if (seen === undefined) return;
      const tier = tierOf(read);
      judgements.staleByTier[tier] += 1;
      if (judgements.stale.length >= mostKept) return;
      const done = oracle.finishedAbove(seen.slot, seen.value);
      const story =
        `${read.door.name} GET ${read.target.path}: began ${seconds(read.beganAtMs)}, answered ${read.status} at ${seconds(now())}, ` +
        `showed ${oracle.describe(seen.slot)} ${seen.value}; at least ${done?.value} was done at ${seconds(done?.atMs ?? 0)}` +
        ` (${fieldOf(read.head, 'cache-status')}; served by ${fieldOf(read.head, 'served-by')}; meanwhile: ${faultAt()})`;
      judgements.stale.push({ tier, story });
    },
  };
  return judgements;
}

function isBlind({ status, target, seen }: Read): boolean {
  if (target.shows === 'absence') return status !== 404;
  if (target.shows === 'archivable') return seen.length === 0;
  if (status !== 200 && status !== 304) return true;
  return target.subject !== undefined && seen.length === 0;
}

function tierOf({ head, door }: Read): Tier {
  const status = fieldOf(head, 'cache-status') ?? '';
  if (door.name.startsWith('edge') && /edge[^,]*; *hit|^hit/.test(status)) return 'edge';
  return status.includes('origin; hit') ? 'origin cache' : 'origin fill';
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`;
}

// The results of a freshness drill, as JSON and as text.

export interface FreshnessFigures {
  seconds: number;
  reads: number;
  readsByDoor: Record<string, number>;
  /** Acknowledged changes. */
  changes: number;
  /** Milliseconds from commit to done. */
  doneMs: Percentiles;
  /** The same for changes that no fault touched. */
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
