// Locks a data folder for one process. The system releases the lock when the process dies.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface FolderLock {
  release(): void;
}

/** @returns undefined where another living process holds it. SQLite's own file lock: no process number to go stale. */
export function tryLockFolder(folder: string): FolderLock | undefined {
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
