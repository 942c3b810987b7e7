// Creates a Postgres data folder under a temporary name and renames it when complete, so that it is never half made.
import { chownSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logHint } from './log-hint.ts';
import { describeExit, startPart } from './part.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import type { SystemUser } from './unprivileged-user.ts';

export const postgresUser = 'myclothes';

export interface PostgresFolderOptions {
  folder: string;
  password: string;
  logFile: string;
  binaries: PostgresBinaries;
  user: SystemUser | undefined;
  /** Only for tests: skip the wait for the disk. */
  sync?: boolean;
  signal?: AbortSignal | undefined;
}

/** Makes the folder if there is none. */
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
 * How a Postgres program names its data folder. Under root its user may not be able to walk the folders above (root's
 * home), so it is
 * started inside and reaches the folder as its own working directory, which needs no permission on the way.
 */
export function dataFolderArgument(folder: string, user: SystemUser | undefined): string {
  return user !== undefined && process.platform === 'linux' ? '/proc/self/cwd' : folder;
}

export function giveTo(path: string, user: SystemUser | undefined): void {
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
        // The same order and case rules on every system, whatever its locale.
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
