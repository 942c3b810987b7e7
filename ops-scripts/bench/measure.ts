// How a benchmark measures: requests that a server answers a second of its own processor time, and medians of several rounds.
// Processor time rather than the wall clock, because load generator and server share two noisy cores.
import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';

export interface Load {
  url: string;
  connections: number;
  seconds: number;
  headers?: Record<string, string>;
}

export interface Measured {
  /** Requests a second of wall time. */
  perSecond: number;
  /** Requests a second of the server's processor time. */
  perCpuSecond: number;
  p95Ms: number;
  bytes: number;
}

/** @throws where any answer is not a 2xx: a benchmark of failures is none. */
export async function measureLoad(load: Load, pid: number): Promise<Measured> {
  const before = cpuSeconds(pid);
  const result = await autocannon({
    url: load.url,
    connections: load.connections,
    duration: load.seconds,
    ...(load.headers ? { headers: load.headers } : {}),
  });
  const cpu = cpuSeconds(pid) - before;
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(
      `Cannot measure ${load.url} as ${result.non2xx} answers were refusals and ${result.errors} failed`,
    );
  }
  return {
    perSecond: result.requests.total / result.duration,
    perCpuSecond: result.requests.total / cpu,
    p95Ms: result.latency.p97_5,
    bytes: result.throughput.total / result.requests.total,
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
export async function alternate<T>(
  rounds: number,
  a: () => Promise<T>,
  b: () => Promise<T>,
): Promise<[T[], T[]]> {
  const left: T[] = [];
  const right: T[] = [];
  for (let round = 0; round < rounds; round++) {
    left.push(await a());
    right.push(await b());
  }
  return [left, right];
}
