// Requests per second of the server's own processor time, and medians of several rounds.
// Processor time rather than wall time, because load generator and server share two noisy cores.
import { readFileSync } from 'node:fs';
import { type Load, type LoadResult, runLoad } from './load/run-load.ts';

export interface Measured extends LoadResult {
  /** Requests a second of wall time. */
  perSecond: number;
  /** Requests a second of the server's processor time. */
  perCpuSecond: number;
}

/** @throws where any answer is a refusal: a benchmark of failures is none. */
export async function measureLoad(load: Load, pid: number): Promise<Measured> {
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

/** Of one process, user and system, as the kernel counts it: fields 14 and 15 of /proc/PID/stat, in hundredths. */
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

/** Runs A and B in turn, so that what slows the machine slows both. */
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
