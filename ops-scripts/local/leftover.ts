// A process that an earlier start left behind (after kill -9) is ended before its folder is used again; a stranger with its number is not.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { waitUntil } from './wait-until.ts';

/** Kills every process whose working directory is `folder`: a Postgres and its backends stand in their data folder. Linux only. */
export async function endProcessesIn(folder: string): Promise<void> {
  for (const pid of processesIn(folder)) kill(pid);
  await waitUntil(() => processesIn(folder).length === 0, {
    what: `an earlier process to leave ${folder}`,
    deadlineMs: 10_000,
  });
}

/** @returns something that only this run of this process has, or undefined if there is none. */
export function processIdentity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields after the name, which may hold spaces: state is the first, the start time the twentieth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `${pid}@${fields[19]}`;
  } catch {
    return process.platform === 'linux' || !isAlive(pid) ? undefined : `${pid}`;
  }
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
