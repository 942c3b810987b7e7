// DATA_DIR/running.json tells other commands where a running shop's stores are. It holds passwords, so only its owner
// may read it.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processIdentity } from './process-identity.ts';

export interface RunningShop {
  /** The process that started the rest. */
  pid: number;
  storefrontUrl: string;
  workerUrl: string;
  databaseUrl: string;
  redisUrl: string;
  /** Set while it comes to its end. */
  stopping?: boolean;
  /** What it started: "<pid>@<start time>", so that a stranger with the same number is left alone. */
  parts: string[];
}

/** Written whole or not at all. */
export function writeRunning(dataDir: string, running: RunningShop): void {
  const file = join(dataDir, 'running.json');
  writeFileSync(`${file}.new`, `${JSON.stringify(running, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** @returns what the last start wrote, also if it was killed since; undefined if it ended by itself. */
export function readLastRunning(dataDir: string): RunningShop | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'running.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** @returns the shop that runs on this folder now: where `npm run ops` finds its stores. */
export function findRunning(dataDir: string): RunningShop | undefined {
  const running = readLastRunning(dataDir);
  return running !== undefined && processIdentity(running.pid) !== undefined ? running : undefined;
}

export function removeRunning(dataDir: string): void {
  rmSync(join(dataDir, 'running.json'), { force: true });
}
