// A benchmark's result as a ratio to a limit of the same run, measured by processor time, medians and metrics.
import { readFileSync } from 'node:fs';
import { type Load, type LoadResult, runLoad } from '../traffic/run-load.ts';

/** A benchmark's result: a figure, the named limit measured in the same run, and their ratio. */
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
  /** The ratio to reach: at least this, or at most this if less is better. */
  aim?: number;
  /** Set for times and counts of work; absent: more is better. */
  lessIsBetter?: true;
  notes: string[];
}

/**
 * Requests per second of the server's own processor time. Wall time would be noisy, because load generator and server
 * share two cores.
 */
export interface MeasuredLoad extends LoadResult {
  /** Requests per second of wall time. */
  perSecond: number;
  /** Requests per second of the server's processor time. */
  perCpuSecond: number;
}

/** @throws if any answer is a refusal, because refusals are not what is measured */
export async function measureLoad(load: Load, pid: number): Promise<MeasuredLoad> {
  const before = cpuSeconds(pid);
  const result = await runLoad(load);
  const cpu = cpuSeconds(pid) - before;
  if (result.refused > 0 || result.failed > 0) {
    throw new Error(
      `Cannot measure ${load.url} as ${result.refused} answers were refusals and ${result.failed} failed`,
    );
  }
  return {
    ...result,
    perSecond: result.requests / result.seconds,
    perCpuSecond: result.requests / cpu,
  };
}

/**
 * The user and system time of one process, as the kernel counts it: fields 14 and 15 of /proc/PID/stat, in hundredths.
 */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** Runs A and B in turn, so that a slower machine slows both. */
export async function alternate<A, B>(
  rounds: number,
  a: () => Promise<A>,
  b: () => Promise<B>,
): Promise<[A[], B[]]> {
  const left: A[] = [];
  const right: B[] = [];
  for (let round = 0; round < rounds; round++) {
    left.push(await a());
    right.push(await b());
  }
  return [left, right];
}

/**
 * Reads from an origin's metrics how often it has read from Postgres.
 * @returns reads since its start, by the server that answered: "primary", or a replica's name
 */
export async function readReads(metricsUrl: string): Promise<Record<string, number>> {
  const text = await (await fetch(metricsUrl)).text();
  const counts = text.matchAll(/^reads_total\{source="([^"]*)"\} (\d+)/gm);
  return Object.fromEntries([...counts].map(([, source = '', count]) => [source, Number(count)]));
}
