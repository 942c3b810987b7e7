// Prepares DATA_DIR: locks it, checks that it is writable and has room, and keeps a local shop's secrets in it.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, renameSync, statfsSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolders, reasonOf } from '../../http/system-faults.ts';
import type { LocalSettings } from './config.ts';
import { endProcesses, findRunning, readLastRunning } from './processes.ts';

export interface DataFolder {
  /** An absolute path without symbolic links. */
  path: string;
  release(): void;
}

const roomNeededMb = 300;

/** @throws one sentence that says what to do: the folder is not writable, full, or in use by another start */
export async function openDataFolder(dataDir: string): Promise<DataFolder> {
  const wanted = resolve(dataDir);
  const path = makeFolder(wanted);
  const lock = await lockFolder(path, wanted);
  try {
    const last = readLastRunning(path);
    await endProcesses(last?.parts ?? []);
  } catch (error) {
    lock.release();
    throw error;
  }
  return { path, release: () => lock.release() };
}

function makeFolder(wanted: string): string {
  try {
    makeFolders(wanted);
    const { bavail, bsize } = statfsSync(wanted);
    const freeMb = Math.floor((bavail * bsize) / 1_000_000);
    if (freeMb >= roomNeededMb) return realpathSync(wanted);
    throw new Error(
      `The disk of DATA_DIR is full: ${wanted} has ${freeMb} MB left. Free at least ${roomNeededMb} MB there, or set DATA_DIR to a folder elsewhere`,
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      // The error's own message would only repeat the reason.
      throw new Error(
        `Cannot write to '${wanted}': ${reasonOf(error)}. Set DATA_DIR to a folder of your own`,
      );
    }
    throw error;
  }
}

async function lockFolder(path: string, wanted: string): Promise<FolderLock> {
  // A shop that is stopping, or that was killed together with npm, needs a moment to end.
  const end = performance.now() + 12_000;
  const patience = performance.now() + 1_500;
  for (;;) {
    const lock = tryLockFolder(path);
    if (lock !== undefined) return lock;
    const holder = findRunning(path);
    const leaving = holder?.stopping === true;
    if (performance.now() > (leaving ? end : patience)) {
      const who = holder === undefined ? '' : `, at ${holder.storefrontUrl} (process ${holder.pid})`;
      throw new Error(
        `The shop in ${wanted} runs already${who}. Stop that one first, or set DATA_DIR to another folder`,
      );
    }
    await sleep(100);
  }
}

/** Locks a data folder for one process. The system releases the lock when the process dies. */
interface FolderLock {
  release(): void;
}

/**
 * @returns undefined if another living process holds it. Uses SQLite's file lock, which needs no process number that
 * could become stale.
 */
function tryLockFolder(folder: string): FolderLock | undefined {
  const database = new DatabaseSync(join(folder, 'lock'));
  try {
    database.exec('pragma journal_mode = memory; pragma locking_mode = exclusive; begin exclusive');
  } catch (error) {
    database.close();
    if (error instanceof Error && /locked|busy/.test(error.message)) return undefined;
    throw error;
  }
  return { release: () => database.close() };
}

/** The secrets of a local shop. They are created once and kept in its data folder, readable by its owner only. */
export interface KeptSecrets {
  postgresPassword: string;
  redisPassword: string;
  cookieKey: string;
  operatorPassword: string;
  staffPassword: string;
  edgePurgeKey: string;
  /** Passwords that were shown to the owner and are not shown again. */
  announced?: AnnouncedPassword[];
}

type AnnouncedPassword = 'operatorPassword' | 'staffPassword';

export function keepSecrets(dataDir: string): KeptSecrets {
  const file = fileIn(dataDir);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const secrets: KeptSecrets = {
    postgresPassword: random(24),
    redisPassword: random(24),
    cookieKey: random(32),
    operatorPassword: random(12),
    staffPassword: random(12),
    edgePurgeKey: random(32),
  };
  write(dataDir, secrets);
  return secrets;
}

/**
 * To be called after passwords were shown. If a start fails before that, it shows them again, which is better than
 * never.
 */
function markAnnounced(dataDir: string, shown: AnnouncedPassword[]): void {
  const secrets = keepSecrets(dataDir);
  const announced = new Set([...(secrets.announced ?? []), ...shown]);
  write(dataDir, { ...secrets, announced: [...announced] });
}

/** Replaces the file atomically. It is on the disk when this returns. */
function write(dataDir: string, secrets: KeptSecrets): void {
  const file = fileIn(dataDir);
  writeFileSync(`${file}.new`, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}

function fileIn(dataDir: string): string {
  return join(dataDir, 'secrets.json');
}

function random(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}

const settingOf = { operatorPassword: 'OPERATOR_PASSWORD', staffPassword: 'STAFF_PASSWORD' } as const;

/** Prints a local shop's passwords: a generated one once, a configured one never. */
interface TellPasswords {
  /** @returns the password, or where to find it */
  tell(name: AnnouncedPassword): string;
  /** To be called after the passwords are on the screen. */
  markTold(): void;
}

export function tellPasswords(
  settings: Pick<LocalSettings, AnnouncedPassword>,
  dataDir: string,
): TellPasswords {
  const secrets = keepSecrets(dataDir);
  const shown: AnnouncedPassword[] = [];
  return {
    tell(name) {
      if (settings[name] !== undefined) return `password as set in ${settingOf[name]}`;
      if (secrets.announced?.includes(name)) return `password in ${relative('', dataDir)}/secrets.json`;
      shown.push(name);
      return secrets[name];
    },
    markTold() {
      if (shown.length > 0) markAnnounced(dataDir, shown);
    },
  };
}
