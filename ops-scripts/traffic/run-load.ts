// Runs the load generator in a separate process, the same one for every measured server.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createVisitor, type LoadTally, type VisitStep } from './visitor.ts';

export interface Load {
  url: string;
  connections: number;
  seconds: number;
  steps: VisitStep[];
}

export interface LoadResult {
  requests: number;
  seconds: number;
  bytes: number;
  refused: number;
  refusals: Record<string, number>;
  failed: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  /** How each visitor ended: its successful answers by step, and its cookies. */
  visitors: { done: Record<string, number>; cookie: string }[];
}

export async function runLoad(load: Load): Promise<LoadResult> {
  const child = fork(import.meta.filename, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit').then(() => {
    throw new Error('Cannot measure as the load generator ended early');
  });
  ended.catch(() => undefined);
  child.send(load);
  const [result] = (await Promise.race([once(child, 'message'), ended])) as [LoadResult];
  child.disconnect();
  return result;
}

async function makeLoad({ url, connections, seconds, steps }: Load): Promise<LoadResult> {
  const base = new URL(url);
  const tally: LoadTally = { latencies: [], bytes: 0, refused: 0, refusals: {}, failed: 0 };
  const visitors = Array.from({ length: connections }, (_, index) => createVisitor(base, steps, index));
  const began = performance.now();
  await Promise.all(visitors.map((visitor) => visitor.visit(began + seconds * 1_000, tally)));
  const took = (performance.now() - began) / 1_000;
  for (const visitor of visitors) visitor.close();
  const { latencies, ...counted } = tally;
  const sorted = Float64Array.from(latencies).sort();
  const atShare = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return {
    ...counted,
    requests: sorted.length,
    seconds: took,
    p50Ms: atShare(0.5),
    p95Ms: atShare(0.95),
    p99Ms: atShare(0.99),
    visitors: visitors.map(({ done, cookie }) => ({ done, cookie })),
  };
}

if (process.argv[1] === import.meta.filename) {
  process.once('message', async (load: Load) => process.send!(await makeLoad(load)));
}
