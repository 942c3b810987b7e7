// `ops backup`: makes sealed backups of the database, lists them, verifies one in a scratch server, restores one.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { Command } from 'commander';
import pg from 'pg';
import { makeFolders } from '../../http/system-faults.ts';
import { appDatabaseUrlOf, databaseUrlOf, openDatabase } from '../connect-stores.ts';
import { tellRestored } from '../db/command.ts';
import { dumpDatabase } from './dump.ts';
import { type BackupPlace, extension, fetchBackup, openPlace } from './places.ts';
import { restore, verify } from './restore.ts';
import { seal } from './sealed-file.ts';

type Environment = NodeJS.ProcessEnv;

export function backupCommand(env: Environment): Command {
  return new Command('backup')
    .addCommand(createCommand(env))
    .addCommand(listCommand(env))
    .addCommand(verifyCommand(env))
    .addCommand(restoreCommand(env));
}

const addressOf = (env: Environment, given: string | undefined) =>
  given ?? join(env['DATA_DIR'] || '.data', 'backups');

function createCommand(env: Environment): Command {
  return new Command('create')
    .description('Write a backup: one moment of the whole database, compressed and sealed with BACKUP_KEY')
    .option('--to <place>', 'a folder or s3://bucket/folder; DATA_DIR/backups where absent')
    .option('--json', 'print one JSON object')
    .action(async ({ to, json }: { to?: string; json?: boolean }) => {
      const startedAtMs = performance.now();
      const key = findOrMakeKey(env);
      // Without a database this fails with one sentence, before anything is written.
      await (await openDatabase(env))[Symbol.asyncDispose]();
      const place = await openPlace(addressOf(env, to), env);
      const takenAt = new Date();
      const { file, bytes } = await writeBackup(databaseUrlOf(env)!, place, { key, takenAt });
      const seconds = (performance.now() - startedAtMs) / 1_000;
      console.log(
        json
          ? JSON.stringify({ file, takenAt, bytes, seconds })
          : `${file}\n${tellBytes(bytes)}, in ${seconds.toFixed(1)} s. 'ops backup verify' shows that it can be restored.`,
      );
    });
}

interface BackupToWrite {
  key: string;
  takenAt: Date;
}

async function writeBackup(databaseUrl: string, place: BackupPlace, { key, takenAt }: BackupToWrite) {
  const at = takenAt.toISOString().slice(0, 19).replaceAll(':', '-');
  const name = `myclothes-${at}Z-${randomBytes(2).toString('hex')}${extension}`;
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const packed = createGzip();
    const dumped = Readable.from(dumpDatabase(client));
    // A pipe does not forward errors.
    dumped.on('error', (error) => packed.destroy(error));
    return await place.write(name, seal(dumped.pipe(packed), key, takenAt));
  } finally {
    await client.end();
  }
}

function listCommand(env: Environment): Command {
  return new Command('list')
    .description('List the backups of a place, newest first')
    .option('--from <place>', 'a folder or s3://bucket/folder; DATA_DIR/backups where absent')
    .option('--json', 'print one JSON object a line')
    .action(async ({ from, json }: { from?: string; json?: boolean }) => {
      const backups = await (await openPlace(addressOf(env, from), env)).list();
      for (const backup of backups)
        console.log(
          json
            ? JSON.stringify(backup)
            : `${backup.takenAt}  ${tellBytes(backup.bytes).padStart(9)}  ${backup.file}`,
        );
      if (!json && backups.length === 0) console.log('There are no backups');
    });
}

function verifyCommand(env: Environment): Command {
  return new Command('verify')
    .description(
      'Restore a backup into a scratch server and check what must hold; exit code 1 if it does not',
    )
    .argument('[file]', 'a path or s3://…; the newest of DATA_DIR/backups where absent')
    .option('--json', 'print one JSON object')
    .action(async (given: string | undefined, { json }: { json?: boolean }) => {
      const startedAtMs = performance.now();
      const file = given ?? (await newest(env));
      const key = findKey(env);
      await using fetched = await fetchBackup(file, env);
      const { head, rows, broken } = await verify(fetched.path, key);
      const seconds = (performance.now() - startedAtMs) / 1_000;
      if (broken.length > 0) process.exitCode = 1;
      if (json) return console.log(JSON.stringify({ file, takenAt: head.takenAt, rows, seconds, broken }));
      for (const sentence of broken) console.log(`✗ ${sentence}`);
      console.log(
        broken.length > 0
          ? `${file} can be restored, but not all holds that must`
          : `${file} can be restored: ${rows} rows of ${head.takenAt}, all that must hold holds, in ${seconds.toFixed(1)} s`,
      );
    });
}

function restoreCommand(env: Environment): Command {
  return new Command('restore')
    .description('Replace everything in the database by a backup, and begin a new lineage')
    .argument('[file]', 'a path or s3://…; the newest of DATA_DIR/backups where absent')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object')
    .action(async (given: string | undefined, { yes, json }: { yes?: boolean; json?: boolean }) => {
      const startedAtMs = performance.now();
      const file = given ?? (await newest(env));
      const key = findKey(env);
      await (await openDatabase(env))[Symbol.asyncDispose]();
      const url = databaseUrlOf(env)!;
      const { host, pathname } = new URL(url);
      const question = `Everything in ${host}${pathname} will be replaced by ${file}.`;
      if (!yes && !(await confirm(question))) return console.log('Nothing was changed');
      await using fetched = await fetchBackup(file, env);
      const { head, rows } = await restore(url, fetched.path, {
        key,
        appUrl: appDatabaseUrlOf(env),
      });
      const { lineage, known } = await tellRestored(env);
      await known;
      const seconds = (performance.now() - startedAtMs) / 1_000;
      console.log(
        json
          ? JSON.stringify({ file, takenAt: head.takenAt, rows, lineage, seconds })
          : `Restored ${rows} rows of ${head.takenAt} in ${seconds.toFixed(1)} s; the database has begun the lineage ${lineage}, and nothing that came after the backup is shown any longer`,
      );
    });
}

async function newest(env: Environment): Promise<string> {
  const address = addressOf(env, undefined);
  const [backup] = await (await openPlace(address, env)).list();
  if (backup === undefined) throw new Error(`Cannot find a backup in ${address}: name its file`);
  return backup.file;
}

const keyFileOf = (env: Environment) => resolve(env['DATA_DIR'] || '.data', 'backup-key');

/** Makes a key if there is none, and warns about it: the key lies beside the data, so losing the machine loses both. */
function findOrMakeKey(env: Environment): string {
  const file = keyFileOf(env);
  if (!env['BACKUP_KEY'] && !existsSync(file)) {
    makeFolders(dirname(file));
    writeFileSync(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
    console.error(`Made a key in ${file}. Keep a copy elsewhere: without it no backup can be restored.`);
  }
  return findKey(env);
}

/** @throws if there is no key, because a new one would open no backup */
function findKey(env: Environment): string {
  const key = env['BACKUP_KEY'];
  if (key) {
    if (key.length < 32) throw new Error('BACKUP_KEY is too short: it needs 32 characters or more');
    return key;
  }
  const file = keyFileOf(env);
  if (!existsSync(file))
    throw new Error(`Cannot find a key in ${file}: set BACKUP_KEY to the one that the backup was made with`);
  return readFileSync(file, 'utf8').trim();
}

async function confirm(sentence: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error(`${sentence} Add --yes, as nobody can be asked here`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${sentence} Go on? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

function tellBytes(bytes: number): string {
  const [size, unit] = bytes >= 1e9 ? [1e9, 'GB'] : bytes >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
  return `${(bytes / size).toFixed(1)} ${unit}`;
}
