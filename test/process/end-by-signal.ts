// Ends a real test run, drill or benchmark by a signal, and looks at what is left of it: no process, no temporary
// folder, no exit code 0.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { waitUntil } from '../../ops-scripts/local/wait-until.ts';

/** Of Linux's list of processes: those whose environment or working folder is of that run. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8')
        .split('\0')
        .some((entry) => entry === `TMPDIR=${folder}` || entry.startsWith(`TMPDIR=${folder}/`));
    } catch {
      return false;
    }
  });
}

const commands = {
  'test run': ['test/run.ts', 'test', 'test/redis/room.test.ts'],
  drill: ['ops-scripts/drills/main.ts', 'crowd', '--short'],
  life: ['ops-scripts/drills/main.ts', 'shop-life', '--days', '1'],
  benchmark: ['ops-scripts/bench/main.ts', 'origin-page'],
};
export type Name = keyof typeof commands;

const foldersOfRuns = () =>
  readdirSync(tmpdir()).filter((name) => /^myclothes-(test|drill|bench)-/.test(name));

/** The real command, begun so far that servers of its own stand. */
async function start(name: Name): Promise<{ run: ChildProcess; folder: string }> {
  const before = foldersOfRuns();
  const run = spawn(process.execPath, commands[name], { stdio: 'ignore' });
  let folder: string | undefined;
  await waitUntil(
    () => {
      // Commands that other tests run make such folders too, but start no servers.
      const added = foldersOfRuns().filter((name) => !before.includes(name));
      folder = added.map((name) => join(tmpdir(), name)).find((path) => processesOf(path).length >= 4);
      return folder !== undefined;
    },
    { what: 'the run to have begun', deadlineMs: 30_000 },
  );
  return { run, folder: folder! };
}

export async function endBySignal(name: Name, signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const { run, folder } = await start(name);
  const ended = once(run, 'exit');
  run.kill(signal);
  const [code, by] = await ended;
  if (signal === 'SIGKILL') expect(by).toBe('SIGKILL');
  else expect(code).toBeGreaterThan(0);
  await waitUntil(() => processesOf(folder).length === 0 && !existsSync(folder), {
    what: 'everything of it to be gone',
    deadlineMs: 30_000,
  });
}
