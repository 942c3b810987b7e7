// Runs a program of the repository as a child process. Tests can wait for its lines, and it never outlives the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface RunningProgram extends AsyncDisposable {
  child: ChildProcess;
  /** Standard output and error so far. */
  output(): string;
  /**
   * Resolves with the first line that matches, also an earlier one. Rejects if the program ends without such a line.
   */
  line(pattern: RegExp, withinMs?: number): Promise<string>;
  exitCode: Promise<number | null>;
}

/** @param entry from the repository's root: "ops-scripts/local/start.ts" */
export function runProgram(entry: string, args: string[], env: Record<string, string>): RunningProgram {
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  const child = spawn(process.execPath, [entry, ...args], { cwd, env: { ...process.env, ...env } });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  const wake = () => {
    for (const watcher of watchers) watcher();
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      wake();
    });
  }
  let ended = false;
  const exitCode = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      ended = true;
      resolve(code);
      wake();
    });
  });

  const line = (pattern: RegExp, withinMs = 60_000) =>
    new Promise<string>((resolve, reject) => {
      const finish = (end: () => void) => {
        watchers.delete(look);
        clearTimeout(timer);
        end();
      };
      const fail = (why: string) =>
        finish(() => reject(new Error(`${why} ${pattern}:\n${lines.join('\n')}`)));
      const timer = setTimeout(() => fail(`Waited ${withinMs} ms in vain for`), withinMs);
      const look = () => {
        const found = lines.find((text) => pattern.test(text));
        if (found !== undefined) finish(() => resolve(found));
        else if (ended) fail('The program ended without a line that matches');
      };
      watchers.add(look);
      look();
    });

  return {
    child,
    output: () => lines.join('\n'),
    line,
    exitCode,
    [Symbol.asyncDispose]: async () => {
      if (!ended) child.kill('SIGTERM');
      await exitCode;
    },
  };
}
