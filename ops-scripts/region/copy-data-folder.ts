// Copies a running Postgres server's data folder during a backup, like pg_basebackup, which the embedded package lacks.
import { constants } from 'node:fs';
import { chmod, chown, copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withPostgres } from '../local/postgres.ts';
import { unprivilegedUser } from '../local/postgres-folder.ts';

// The server creates these anew, and copies of them would mislead it.
const contentsLeftOut = new Set([
  'pg_dynshmem',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
  'pg_wal',
]);
const filesLeftOut =
  /^(postmaster\.(pid|opts)|standby\.signal|recovery\.signal|backup_label(\.old)?|tablespace_map(\.old)?|pg_internal\.init.*|pgsql_tmp.*|backup_manifest)$/;
const folderMode = 0o700;
const copiesAtOnce = 16;

export interface CopyOptions {
  /** A superuser's connection to the server of that folder, never through a balancer. */
  sourceUrl: string;
  sourceFolder: string;
  /** Emptied first. */
  targetFolder: string;
}

/**
 * Copies the folder. The copy recovers from the log that the source still keeps (`wal_keep_size`), so its server must
 * be started as a standby.
 */
export async function copyDataFolder({ sourceUrl, sourceFolder, targetFolder }: CopyOptions): Promise<void> {
  await rm(targetFolder, { recursive: true, force: true });
  await withPostgres(
    sourceUrl,
    async (client) => {
      await client.query("select pg_backup_start('copy', fast => true)");
      await copyTree(sourceFolder, targetFolder);
      const { rows } = await client.query<{ labelfile: string }>(
        'select labelfile from pg_backup_stop(wait_for_archive => false)',
      );
      await writeOwned(join(targetFolder, 'backup_label'), rows[0]?.labelfile ?? '');
    },
    60_000,
  );
  for (const folder of ['pg_wal/archive_status', 'pg_wal/summaries'])
    await makeFolder(join(targetFolder, folder));
}

/** Writes a file in a data folder that only its server may read. */
export async function writeOwned(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  await own(file);
}

async function copyTree(source: string, target: string): Promise<void> {
  const files: string[] = [];
  const collect = async (folder: string) => {
    await makeFolder(join(target, folder));
    for (const entry of await readdir(join(source, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (contentsLeftOut.has(path)) await makeFolder(join(target, path));
        else await collect(path);
      } else if (entry.isFile() && !filesLeftOut.test(entry.name)) files.push(path);
    }
  };
  await collect('');
  // The control file comes last, as in the server's own backup.
  const control = files.splice(files.indexOf(join('global', 'pg_control')), 1);
  const copyNext = async () => {
    for (let file = files.pop(); file !== undefined; file = files.pop()) await copyOne(source, target, file);
  };
  await Promise.all(Array.from({ length: copiesAtOnce }, copyNext));
  for (const file of control) await copyOne(source, target, file);
}

async function copyOne(source: string, target: string, file: string): Promise<void> {
  try {
    await copyFile(join(source, file), join(target, file), constants.COPYFILE_FICLONE);
  } catch (error) {
    // A relation may have been dropped meanwhile; the log says so.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  await own(join(target, file));
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  await mkdir(folder, { recursive: true, mode: folderMode });
  await chmod(folder, folderMode);
  await own(folder);
}

async function own(path: string): Promise<void> {
  const user = unprivilegedUser();
  if (user !== undefined) await chown(path, user.uid, user.gid);
}
