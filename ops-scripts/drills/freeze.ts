// Freezes a part with SIGSTOP, including all processes that it forked: Postgres serves each connection in a child.
import { execFileSync } from 'node:child_process';
import type { DrillRegionPart } from './region.ts';

export function freeze(part: Pick<DrillRegionPart, 'pid'>): void {
  signalWhole(part, 'SIGSTOP');
}

/** The part may have been replaced meanwhile and be gone. */
export function wake(part: Pick<DrillRegionPart, 'pid'>): void {
  try {
    signalWhole(part, 'SIGCONT');
  } catch {}
}

/**
 * Signals the part's process and then the processes that it forked. These include those forked before the stop took
 * effect, and those that a killed process leaves.
 * @throws ESRCH if the part is gone
 */
export function signalWhole(part: Pick<DrillRegionPart, 'pid'>, signal: NodeJS.Signals): void {
  const before = forkedBy(part.pid);
  process.kill(part.pid, signal);
  for (const pid of new Set([...before, ...forkedBy(part.pid)])) signalIfThere(pid, signal);
}

function forkedBy(pid: number): number[] {
  const table = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' });
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child!);
}

/** A process that serves a connection can end at any moment. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
