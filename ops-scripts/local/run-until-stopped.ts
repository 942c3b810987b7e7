// Runs a command that has parts until a stop request, and ends tests and benchmarks so that nothing of them stays.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unlessAborted } from './wait-until.ts';

interface RunContext {
  /** Aborted when it is time to stop, also during the start. */
  signal: AbortSignal;
  /** Stops everything; the sentence says why. */
  giveUp: (sentence: string) => void;
}

const stopWithinMs = 9_500;

/**
 * Runs a command with parts until it is asked to stop, and explains a failure in one sentence.
 * @param start starts everything and returns a function that stops it
 * @returns the exit code: 0 if it was asked to stop, 1 if it failed
 */
export async function runUntilStopped(
  options: { startedByNpm: boolean; report: (sentence: string) => void },
  start: (context: RunContext) => Promise<() => Promise<void>>,
): Promise<number> {
  // The reader of the output may go away, which must not end this process.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  // Exiting at once lets the orphan reaper end the remaining processes.
  const stop = listenForStop(options.startedByNpm, () => process.exit(130));
  stop.signal.addEventListener('abort', () => {
    setTimeout(() => process.exit(1), stopWithinMs).unref();
  });
  let failure: string | undefined;
  const giveUp = (sentence: string) => {
    failure = sentence;
    stop.request(sentence);
  };
  try {
    const end = await start({ signal: stop.signal, giveUp });
    await unlessAborted(stop.signal, new Promise(() => {})).catch(() => {});
    await end();
  } catch (error) {
    if (!stop.signal.aborted) failure = explainError(error);
  }
  stop.close();
  if (failure !== undefined) options.report(failure);
  return failure === undefined ? 0 : 1;
}

/**
 * Decides when to stop: on Ctrl-C, SIGTERM, a closed terminal, or the death of npm. The signal's `reason` says which.
 */
interface StopRequests {
  signal: AbortSignal;
  /** Stops for a reason of this process itself. Only the first reason counts. */
  request(reason: string): void;
  /** Restores the default handling of signals. */
  close(): void;
}

const doubleSignalMs = 2_000;

/**
 * Listens for signals. Ctrl-C comes twice (from the terminal's group and from npm), so `quitNow` is called only if a
 * second signal comes after 2 s.
 * @param startedByNpm whether the parent is npm; its death then stops this process
 */
function listenForStop(startedByNpm: boolean, quitNow: () => void): StopRequests {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const request = (reason: string) => {
    firstAt ??= performance.now();
    if (!controller.signal.aborted) controller.abort(new Error(reason));
  };
  const onSignal = (name: NodeJS.Signals) => {
    if (firstAt !== undefined && performance.now() - firstAt > doubleSignalMs) quitNow();
    request(`stopped by ${name}`);
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const name of signals) process.on(name, onSignal);

  const parent = process.ppid;
  const watch = startedByNpm
    ? setInterval(() => {
        if (process.ppid !== parent) request('stopped because npm is gone');
      }, 300).unref()
    : undefined;

  return {
    signal: controller.signal,
    request,
    close: () => {
      for (const name of signals) process.off(name, onSignal);
      clearInterval(watch);
    },
  };
}

/**
 * Turns an error into one sentence for the person at the terminal, without a stack. It adds the root cause if that says
 * more.
 */
export function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isFullDisk(error)) return 'The disk is full: free some space, then start again; what was there is kept';
  const root = rootOf(error);
  return root === error || error.message.includes(root.message)
    ? error.message
    : `${error.message} (${root.message})`;
}

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}

function isFullDisk(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  // 53100 is Postgres's disk_full.
  return code === 'ENOSPC' || code === '53100' || (error.cause instanceof Error && isFullDisk(error.cause));
}

interface Traces extends AsyncDisposable {
  /** The folder of all temporary folders from now on. */
  folder: string;
}

/**
 * Finds processes by TMPDIR in their environment, which children inherit, or by a working folder below it. This works
 * on Linux only; elsewhere only the folder is removed. It kills twice, because a dying process may have started another
 * one. The shell has neither, so it spares itself.
 */
const script = `
folder=$1
while read -r line; do :; done
for signal in TERM KILL KILL; do
  found=
  for process in /proc/[0-9]*; do
    pid=\${process#/proc/}
    [ "$pid" != "$$" ] || continue
    case $(readlink "$process/cwd" 2>/dev/null) in
      "$folder"/*) found=yes; kill -s "$signal" "$pid" 2>/dev/null; continue ;;
    esac
    if tr '\\0' '\\n' 2>/dev/null <"$process/environ" | grep -qE "^TMPDIR=$folder(/|$)"; then
      found=yes; kill -s "$signal" "$pid" 2>/dev/null
    fi
  done
  [ -n "$found" ] || break
  [ "$signal" = KILL ] || sleep 3
done
for try in 1 2 3 4 5; do rm -rf -- "$folder" && break; sleep 1; done`;

/**
 * Cleans up after tests and benchmarks, even after kill -9: a shell ends our processes and removes our files.
 * It waits on a pipe from this process, which breaks when the process dies.
 * @param options.onSignal `end`: a signal ends us with its usual code once all is gone; `pass`: somebody else
 * listens
 */
export function leaveNothing(prefix: string, options: { onSignal: 'end' | 'pass' }): Traces {
  const outside = { ...process.env };
  const folder = mkdtempSync(join(tmpdir(), prefix));
  // Servers that must not run as root have to pass through the folder.
  chmodSync(folder, 0o711);
  process.env['TMPDIR'] = folder;
  const shell = spawn('sh', ['-c', script, 'removes-what-was-left', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: outside,
  });
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  const gone = once(shell, 'exit');
  const finish = async () => {
    shell.ref();
    shell.stdin.end();
    await gone;
  };
  const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  const onSignal = (signal: keyof typeof signals) => void finish().then(() => process.exit(signals[signal]));
  const names = Object.keys(signals) as (keyof typeof signals)[];
  if (options.onSignal === 'end') for (const signal of names) process.on(signal, onSignal);
  return {
    folder,
    [Symbol.asyncDispose]: async () => {
      for (const signal of names) process.off(signal, onSignal);
      if (outside['TMPDIR'] === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = outside['TMPDIR'];
      await finish();
    },
  };
}
