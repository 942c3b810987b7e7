// A part is one process that we started: it leads its own process group, has its own log, and is stopped by its pid.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** How a process ended; `reason` is set where it could not be started at all. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  reason?: string;
}

export interface Part {
  name: string;
  pid: number;
  /** What asks it to end in an orderly way. */
  stopSignal: NodeJS.Signals;
  /** Settles once, when the process is gone; never rejects. */
  exited: Promise<Exit>;
  /** Whether `exited` has settled. */
  hasExited(): boolean;
  /** Asks it to end, then kills it after `stopWithinMs`; resolves when it is gone. */
  stop(): Promise<void>;
}

/** A store: a part that answers at `url`, which bears its password. */
export interface Store extends Part {
  url: string;
}

export interface PartOptions {
  name: string;
  command: string;
  args: string[];
  cwd?: string;
  env?: Record<string, string | undefined>;
  /** Appended to. */
  logFile: string;
  /** Run as this user and group; only root may say so. */
  as?: { uid: number; gid: number } | undefined;
  stopSignal?: NodeJS.Signals;
  stopWithinMs?: number;
  /** Called before anything else can happen: who must end it after us has to know of it long before it is ready. */
  onSpawned?: ((part: Part) => void) | undefined;
}

/** @throws if the command cannot be run at all. */
export async function startPart(options: PartOptions): Promise<Part> {
  const { name, command, args, cwd, env, as, stopSignal = 'SIGTERM', stopWithinMs = 8_000 } = options;
  mkdirSync(dirname(options.logFile), { recursive: true });
  keepLogSmall(options.logFile);
  const log = openSync(options.logFile, 'a', 0o600);
  const child = spawn(command, args, {
    cwd,
    env,
    // A group of its own: Ctrl-C in the terminal reaches only us, and we stop the parts in their order.
    detached: true,
    stdio: ['ignore', log, log],
    ...as,
  });
  closeSync(log);

  let gone = false;
  const exited = new Promise<Exit>((resolve) => {
    const settle = (exit: Exit) => {
      gone = true;
      resolve(exit);
    };
    child.once('exit', (code, signal) => settle({ code, signal }));
    child.once('error', (error) => settle({ code: null, signal: null, reason: error.message }));
  });
  if (child.pid === undefined) {
    const { reason } = await exited;
    throw new Error(`Cannot run ${command}: ${reason}`);
  }
  const stop = async () => {
    if (gone) return;
    child.kill(stopSignal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    await exited;
    clearTimeout(timer);
  };
  const part: Part = { name, pid: child.pid, stopSignal, exited, hasExited: () => gone, stop };
  options.onSpawned?.(part);
  await Promise.race([once(child, 'spawn'), exited]);
  return part;
}

/** For a sentence: "was killed by SIGKILL", "ended with code 1". */
export function describeExit(exit: Exit): string {
  if (exit.reason !== undefined) return `could not run: ${exit.reason}`;
  return exit.signal === null ? `ended with code ${exit.code}` : `was killed by ${exit.signal}`;
}

/** A log past 20 MB is put aside at the next start, in the place of the one put aside before. */
function keepLogSmall(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 20_000_000) renameSync(file, `${file}.old`);
}
