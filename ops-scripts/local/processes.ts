// Lists the processes of a local shop in running.json, and ends those that an earlier start left.
// The list remains even after a kill.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningPart } from './part.ts';
import { waitUntil } from './wait-until.ts';

/**
 * Identifies a process by pid and start time, because pids are reused.
 * @returns "<pid>@<start time>" while that process lives (a zombie does not); undefined if the system does not tell
 */
export function processIdentity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The fields after the name, which may contain spaces: the state is the first, the start time the twentieth.
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

/** The list of running processes. It notifies listeners of each change. */
interface ProcessList {
  /** Adds a part, unless it is in the list. */
  add(part: RunningPart): void;
  living(): RunningPart[];
}

function createProcessList(onChange: (living: RunningPart[]) => void): ProcessList {
  const living = new Map<number, RunningPart>();
  const tell = () => onChange([...living.values()]);
  return {
    add: (part) => {
      if (part.hasExited() || living.has(part.pid)) return;
      living.set(part.pid, part);
      tell();
      part.exited.then(() => {
        living.delete(part.pid);
        tell();
      });
    },
    living: () => [...living.values()],
  };
}

/** The list, which also keeps the orphan reaper and running.json up to date. */
export interface ProcessRecord extends ProcessList {
  /** Changes what other commands find in running.json. */
  note(change: Partial<RunningShop>): void;
  /** To be called after everything was stopped. */
  close(): void;
}

export function recordParts(dataDir: string, running: RunningShop): ProcessRecord {
  const orphanReaper = startOrphanReaper();
  const note = (change: Partial<RunningShop>) => writeRunning(dataDir, Object.assign(running, change));
  const list = createProcessList((living) => {
    orphanReaper.watch(living);
    note({ parts: living.flatMap((part) => processIdentity(part.pid) ?? []) });
  });
  note({});
  return {
    ...list,
    note,
    close: () => {
      orphanReaper.dismiss();
      removeRunning(dataDir);
    },
  };
}

/** Ends the parts if this process is killed: a small shell waits on a pipe from it, which breaks when it dies. */
interface OrphanReaper {
  /** Tells the shell which parts live now. It asks them to end by their own stop signal, and kills them after 8 s. */
  watch(parts: RunningPart[]): void;
  /** To be called after everything was stopped. */
  dismiss(): void;
}

// The last line before the pipe broke counts. Each part has its own signal; INT is the fast shutdown of Postgres.
const script = `
last=
while read -r line; do last=$line; done
for entry in $last; do kill -s "\${entry#*:}" "\${entry%:*}" 2>/dev/null; done
tries=80
for entry in $last; do
  while kill -0 "\${entry%:*}" 2>/dev/null; do
    if [ "$tries" -le 0 ]; then kill -s KILL "\${entry%:*}" 2>/dev/null; break; fi
    tries=$((tries - 1)); sleep 0.1
  done
done`;

function startOrphanReaper(): OrphanReaper {
  const shell = spawn('sh', ['-c', script, 'stops-what-was-left'], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  const tell = (line: string) => shell.stdin.write(`${line}\n`);
  return {
    watch: (parts) => tell(parts.map((part) => `${part.pid}:${part.stopSignal.slice(3)}`).join(' ')),
    dismiss: () => {
      tell('');
      shell.stdin.end();
    },
  };
}

/**
 * DATA_DIR/running.json tells other commands where a running shop's stores are. It contains passwords, so only its
 * owner may read it.
 */
export interface RunningShop {
  /** The process that started the others. */
  pid: number;
  storefrontUrl: string;
  workerUrl: string;
  /** For the role that owns the tables. */
  databaseUrl: string;
  /** For the role of origin and worker; absent if they connect as the owner. */
  appDatabaseUrl?: string;
  redisUrl: string;
  /** Set while the shop is stopping. */
  stopping?: boolean;
  /** The started processes as "<pid>@<start time>", so that another process with the same number is left alone. */
  parts: string[];
}

/** Replaces the file atomically. */
function writeRunning(dataDir: string, running: RunningShop): void {
  const file = join(dataDir, 'running.json');
  writeFileSync(`${file}.new`, `${JSON.stringify(running, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** @returns what the last start wrote, also if it was killed since; undefined if it ended by itself */
export function readLastRunning(dataDir: string): RunningShop | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'running.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** @returns the shop that runs on this folder now, whose stores `npm run ops` uses */
export function findRunning(dataDir: string): RunningShop | undefined {
  const running = readLastRunning(dataDir);
  return running !== undefined && processIdentity(running.pid) !== undefined ? running : undefined;
}

function removeRunning(dataDir: string): void {
  rmSync(join(dataDir, 'running.json'), { force: true });
}

/**
 * Kills every process whose working directory is `folder`: a store that an earlier start left (after kill -9), and its
 * children, run in their data folder. Linux only.
 */
export async function endProcessesIn(folder: string): Promise<void> {
  for (const pid of processesIn(folder)) kill(pid);
  await waitUntil(() => processesIn(folder).length === 0, {
    what: `an earlier process to leave ${folder}`,
    deadlineMs: 10_000,
  });
}

/**
 * Ends processes of an earlier start, but not other processes with the same pid.
 * @param identities as `processIdentity` gave them when the processes were started
 */
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
    // The process is gone already.
  }
}
