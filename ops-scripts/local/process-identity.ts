// Identifies a process by pid and start time, because pids are reused.
import { readFileSync } from 'node:fs';

/**
 * @returns "<pid>@<start time>" while that process lives (a zombie does not), where the system tells; else undefined.
 */
export function processIdentity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields after the name, which may hold spaces: state is the first, the start time the twentieth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `${pid}@${fields[19]}`;
  } catch {
    return process.platform !== 'linux' && isAlive(pid) ? `${pid}` : undefined;
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
