// Restores the region's Postgres to an earlier state: from a base backup with its log (a new timeline), or a dump.
import { execFile } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { restore } from '../backup/restore.ts';
import { withPostgres } from '../local/postgres.ts';
import { copyDataFolder, writeOwned } from './copy-data-folder.ts';
import { isInRecovery } from './postgres-health.ts';
import { createPrimary, type PostgresMember, startMember } from './postgres-member.ts';

const run = promisify(execFile);
/** The name of a backup's moment in the log. */
const restorePoint = 'backup';
const recoverMs = 60_000;

/** Copies the data, and the log up to the moment at which this resolves. @param folder emptied first */
export async function takeBaseBackup(primary: PostgresMember, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await copyDataFolder({
    sourceUrl: primary.url,
    sourceFolder: primary.folder,
    targetFolder: join(folder, 'data'),
  });
  await withPostgres(primary.url, async (client) => {
    await client.query(`select pg_create_restore_point('${restorePoint}')`);
    await client.query('select pg_switch_wal()');
  });
  const log = join(primary.folder, 'pg_wal');
  // Only whole segments and timeline histories; other files come and go. Owner and modes stay as they are.
  const files = (await readdir(log)).filter((name) => /^([0-9A-F]{24}|[0-9A-F]{8}\.history)$/.test(name));
  await mkdir(join(folder, 'log'));
  await run('cp', ['-a', ...files.map((name) => join(log, name)), join(folder, 'log')]);
}

/**
 * Restores the folder into the member, whose server must have ended. When this resolves it is a primary again, on a new
 * timeline.
 */
export async function restoreBaseBackup(member: PostgresMember, folder: string): Promise<void> {
  await rm(member.folder, { recursive: true, force: true });
  await run('cp', ['-a', join(folder, 'data'), member.folder]);
  const log = join(folder, 'log');
  const files = (await readdir(log)).map((name) => join(log, name));
  await run('cp', ['-a', ...files, join(member.folder, 'pg_wal')]);
  await writeOwned(join(member.folder, 'recovery.signal'), '');
  const settings = [
    // The log that it needs is in its folder already.
    "restore_command = '/bin/false'",
    `recovery_target_name = '${restorePoint}'`,
    "recovery_target_action = 'promote'",
  ];
  await writeOwned(join(member.folder, 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
  await startMember(member);
  for (const until = performance.now() + recoverMs; (await isInRecovery(member)) !== false; await sleep(100))
    if (performance.now() > until) throw new Error(`Cannot restore ${member.name}: it stays in recovery`);
  await writeOwned(join(member.folder, 'postgresql.auto.conf'), '');
}

/**
 * Loads a dump into the member, whose server must have ended. @param dump a file that `ops backup create` wrote, and
 * its key
 */
export async function restoreDump(
  member: PostgresMember,
  dump: { file: string; key: string },
): Promise<void> {
  await rm(member.folder, { recursive: true, force: true });
  await createPrimary(member);
  await restore(member.url, dump.file, { key: dump.key });
}
