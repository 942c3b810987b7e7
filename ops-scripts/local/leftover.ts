// Ends a process that an earlier start left behind (after kill -9), but not an unrelated process with the same pid.
import { readdirSync, readlinkSync } from 'node:fs';
import { processIdentity } from './process-identity.ts';
import { waitUntil } from './wait-until.ts';

/**
 * Kills every process whose working directory is `folder`: a store and its children stand in their data folder. Linux
 * only.
 */
export async function endProcessesIn(folder: string): Promise<void> {
  for (const pid of processesIn(folder)) kill(pid);
  await waitUntil(() => processesIn(folder).length === 0, {
    what: `an earlier process to leave ${folder}`,
    deadlineMs: 10_000,
  });
}

/** @param identities as `processIdentity` gave them when the processes were started. */
export async function endProcesses(identities: string[]): Promise<void> {
  const alive = () => identities.filter((identity) => processIdentity(pidOf(identity)) === identity);
  for (const identity of alive()) kill(pidOf(identity));
  await waitUntil(() => alive().length === 0, { what: 'earlier processes to end', deadlineMs: 10_000 });
}

function pidOf(identity: string): number {
  return Number.parseInt(identity, 10);
}

function processesIn(folder: string): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && workingDirectory(pid) === folder);
}

function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
