// Ends a real test run, drill or benchmark by a signal, and checks that it leaves no process and no temporary folder,
// and does not exit with 0.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { waitUntil } from '../../ops-scripts/local/wait-until.ts';

/** Processes of Linux whose environment or working folder belongs to that run. */
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

/** Starts the real command and waits until its own servers run. */
async function start(name: Name): Promise<{ run: ChildProcess; outside: string; folder: string }> {
  // Of its own, since other tests begin such runs at the same time; what does not run as root passes through it.
  const outside = mkdtempSync(join(tmpdir(), 'ended-'));
  chmodSync(outside, 0o711);
  const env = { ...process.env, TMPDIR: outside };
  const run = spawn(process.execPath, commands[name], { stdio: 'ignore', env });
  const folder = await waitUntil(
    () =>
      readdirSync(outside)
        .filter((entry) => /^myclothes-(test|drill|bench)-/.test(entry))
        .map((entry) => join(outside, entry))
        .find((path) => processesOf(path).length >= 4),
    { what: 'the run to have begun', deadlineMs: 60_000 },
  );
  return { run, outside, folder };
}

export async function endBySignal(name: Name, signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const { run, outside, folder } = await start(name);
  const ended = once(run, 'exit');
  run.kill(signal);
  const [code, by] = await ended;
  if (signal === 'SIGKILL') expect(by).toBe('SIGKILL');
  else expect(code).toBeGreaterThan(0);
  await waitUntil(() => processesOf(folder).length === 0 && readdirSync(outside).length === 0, {
    what: 'everything of it to be gone',
    deadlineMs: 60_000,
  });
  rmdirSync(outside);
}
