// A part stands still with every process that it has: a Postgres server is many, and one that serves a connection goes on without its parent.
import { execFileSync } from 'node:child_process';
import type { RegionPart } from './region.ts';

export function freeze(part: Pick<RegionPart, 'pid'>): void {
  for (const pid of processesOf(part.pid)) process.kill(pid, 'SIGSTOP');
}

/** It may have been replaced meanwhile, and be gone. */
export function wake(part: Pick<RegionPart, 'pid'>): void {
  for (const pid of processesOf(part.pid)) {
    try {
      process.kill(pid, 'SIGCONT');
    } catch {}
  }
}

/** @returns the process and those that it has forked itself. */
export function processesOf(pid: number): number[] {
  const table = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' });
  const forked = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child!);
  return [pid, ...forked];
}
