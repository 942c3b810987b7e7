// Cleans up after tests and benchmarks, even after kill -9: a shell ends our processes and removes our files.
// The shell waits on a pipe from this process, which breaks when the process dies.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Traces extends AsyncDisposable {
  /** Where all temporary folders are made from now on. */
  folder: string;
}

/**
 * What we started is found by TMPDIR in its environment, which children inherit, or by a working folder within it.
 * Linux only; elsewhere only the folder goes. Twice, as one that dies may have started another meanwhile. The shell
 * itself is not of them.
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
 * Who is disposed of, or just ends, has it done as well.
 * @param options.onSignal `end`: a signal ends us with its usual code once all is gone; `pass`: somebody else listens
 */
export function leaveNothing(prefix: string, options: { onSignal: 'end' | 'pass' }): Traces {
  const outside = { ...process.env };
  const folder = mkdtempSync(join(tmpdir(), prefix));
  // Servers that must not run as root pass through it.
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
