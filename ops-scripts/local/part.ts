// Starts a part, which is one process of this shop.
// It leads its own process group, has its own log, and may be restarted by a supervisor.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a process ended. `reason` is set if it could not be started at all. */
interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  reason?: string;
}

export interface RunningPart {
  name: string;
  pid: number;
  /** The signal that asks it to end in an orderly way. */
  stopSignal: NodeJS.Signals;
  /** Resolves once the process is gone. It never rejects. */
  exited: Promise<Exit>;
  /** Whether `exited` has resolved. */
  hasExited(): boolean;
  /** Asks it to end, and kills it after `stopWithinMs`. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** A store: a part that answers at `url`, which contains its password. */
export interface StoreServer extends RunningPart {
  url: string;
}

export interface PartOptions {
  name: string;
  command: string;
  args: string[];
  cwd?: string;
  env?: Record<string, string | undefined>;
  /** Output is appended to this file. */
  logFile: string;
  /** The user and group of the process; only root may set it. */
  as?: { uid: number; gid: number } | undefined;
  stopSignal?: NodeJS.Signals;
  stopWithinMs?: number;
  /**
   * Called before anything else can happen. Code that must end the process after this one dies has to know it before it
   * is ready.
   */
  onSpawned?: ((part: RunningPart) => void) | undefined;
}

/** @throws if the command cannot be run at all */
export async function startPart(options: PartOptions): Promise<RunningPart> {
  const { name, command, args, cwd, env, as, stopSignal = 'SIGTERM', stopWithinMs = 8_000 } = options;
  mkdirSync(dirname(options.logFile), { recursive: true });
  keepLogSmall(options.logFile);
  const log = openSync(options.logFile, 'a', 0o600);
  const child = spawn(command, args, {
    cwd,
    env,
    // The part has its own process group, so that Ctrl-C only reaches this process, which stops the parts in order.
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
  const part: RunningPart = { name, pid: child.pid, stopSignal, exited, hasExited: () => gone, stop };
  options.onSpawned?.(part);
  await Promise.race([once(child, 'spawn'), exited]);
  return part;
}

/** The end as part of a sentence: "was killed by SIGKILL", "ended with code 1". */
export function describeExit(exit: Exit): string {
  if (exit.reason !== undefined) return `could not run: ${exit.reason}`;
  return exit.signal === null ? `ended with code ${exit.code}` : `was killed by ${exit.signal}`;
}

/** At a start, renames a log of more than 20 MB, and replaces the one that was renamed before. */
function keepLogSmall(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 20_000_000) renameSync(file, `${file}.old`);
}

/** Restarts a part that dies, and gives up a part that dies too often. */
interface SuperviseOptions<T extends RunningPart> {
  name: string;
  /** The part must come back at the same address each time. */
  start: (signal: AbortSignal) => Promise<T>;
  /** Called for each new process that is ready, also the first one. */
  onStarted?: (part: T) => void;
  onEvent: (sentence: string) => void;
  /** Called if it died more than `maxRestarts` times in a minute. Absent: it is restarted for ever. */
  onGiveUp?: (sentence: string) => void;
  maxRestarts?: number;
  /** Ends a first start that takes long. */
  signal?: AbortSignal | undefined;
}

export interface Supervised<T extends RunningPart> {
  /** The running process; during a restart, the previous one. */
  current(): T;
  stop(): Promise<void>;
}

const minuteMs = 60_000;

/** @throws what `start` throws, on the first start only */
export async function supervise<T extends RunningPart>(options: SuperviseOptions<T>): Promise<Supervised<T>> {
  const { name, start, onStarted, onEvent, onGiveUp, maxRestarts = 5 } = options;
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, ...(options.signal ? [options.signal] : [])]);
  let part = await start(signal);
  onStarted?.(part);

  const restart = async (): Promise<void> => {
    const deaths: number[] = [];
    while (!stopping.signal.aborted) {
      const how = describeExit(await part.exited);
      if (stopping.signal.aborted) return;
      for (;;) {
        const now = performance.now();
        deaths.push(now);
        const recent = deaths.filter((at) => now - at < minuteMs).length;
        if (onGiveUp !== undefined && recent > maxRestarts) {
          onGiveUp(`${name} ${how}, ${recent} times within a minute`);
          return;
        }
        onEvent(`${name} ${how}; starting it again`);
        await sleep(recent === 1 ? 0 : Math.min(100 * 2 ** recent, 5_000), undefined, {
          signal: stopping.signal,
        }).catch(() => {});
        if (stopping.signal.aborted) return;
        try {
          part = await start(signal);
          break;
        } catch (error) {
          if (stopping.signal.aborted) return;
          onEvent(error instanceof Error ? error.message : String(error));
        }
      }
      if (stopping.signal.aborted) await part.stop();
      else onStarted?.(part);
    }
  };
  const running = restart();

  return {
    current: () => part,
    stop: async () => {
      stopping.abort();
      await part.stop();
      await running;
    },
  };
}

const causes: [RegExp, string][] = [
  [/No space left on device|ENOSPC|Disk quota exceeded/, 'the disk is full, free some space'],
  [
    /incompatible with server|database files are incompatible/,
    'its data was made by another version of Postgres',
  ],
  [/Cannot allocate memory|could not map anonymous shared memory|ENOMEM/, 'there is too little memory'],
  [/EADDRINUSE|[Aa]ddress already in use/, 'its port was taken by another program'],
];

/**
 * Explains why a part ended, from known messages in its log.
 * @returns ": <cause> (see <log>)", or only where to look
 */
export function logHint(logFile: string): string {
  const end = readEnd(logFile, 8_192);
  const cause = causes.find(([pattern]) => pattern.test(end));
  return cause === undefined ? `, see ${logFile}` : `: ${cause[1]} (see ${logFile})`;
}

function readEnd(file: string, bytes: number): string {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const { size } = fstatSync(descriptor);
      const buffer = Buffer.alloc(Math.min(bytes, size));
      readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('utf8');
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return '';
  }
}
