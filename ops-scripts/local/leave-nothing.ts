// Cleans up after tests and benchmarks, even after kill -9: a shell ends their processes and removes their files.
// The shell waits on a pipe from this process, which breaks when the process dies.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Traces extends AsyncDisposable {
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
 * Cleans up when it is disposed of or when this process ends.
 * @param options.onSignal `end`: after cleaning up, a signal ends this process with its usual code. `pass`: other code
 * handles signals.
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
