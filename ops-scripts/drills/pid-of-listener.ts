// The process that listens on a loopback port now, by the kernel's own tables: a part keeps its address when it is started again, not its pid.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const listening = '0A';

export function pidOfListener(port: number): number | undefined {
  const inodes = new Set([...inodesOf('/proc/net/tcp', port), ...inodesOf('/proc/net/tcp6', port)]);
  if (inodes.size === 0) return undefined;
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  // Of a forking server the first process is the one that the others go by.
  return pids.sort((a, b) => a - b).find((pid) => holdsSocket(pid, inodes));
}

/** Columns: number, local address as hex `address:port`, remote address, state, …, inode (the tenth). */
function inodesOf(table: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return readTable(table)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${hexPort}`) && state === listening)
    .map((columns) => columns[9]!);
}

function readTable(table: string): string[] {
  try {
    return readFileSync(table, 'utf8').split('\n').slice(1);
  } catch {
    return [];
  }
}

function holdsSocket(pid: number, inodes: Set<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return inodes.has(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? '');
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
