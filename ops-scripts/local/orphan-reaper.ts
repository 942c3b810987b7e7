// Ends our parts if this process is killed: a small shell waits on a pipe from it, which breaks when it dies.
import { spawn } from 'node:child_process';
import type { Part } from './part.ts';

export interface OrphanReaper {
  /** Tells it the parts that live now; a postmaster and its like are asked to end, then killed after 8 s. */
  watch(parts: Part[]): void;
  /** After everything was stopped. */
  dismiss(): void;
}

// The last line that came before the pipe broke counts. TERM for the first, INT is Postgres's fast shutdown.
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

export function startOrphanReaper(): OrphanReaper {
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
