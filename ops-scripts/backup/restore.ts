// Restores a backup into a database, and verifies one in a scratch server by laws for every database of the shop.
import { randomBytes } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import pg from 'pg';
import { grantToAppRole } from '../../origin/postgres/app-role.ts';
import { createDatabase, createPool } from '../../origin/postgres/database.ts';
import {
  appliedMigrations,
  knownMigrations,
  migrateTo,
  migrateToLatest,
} from '../../origin/postgres/migrate.ts';
import type { Db } from '../../origin/schema.ts';
import { reasonOf } from '../command-line.ts';
import { startPostgres } from '../local/postgres.ts';
import { type Loaded, loadDump, quoted } from './dump.ts';
import { BackupDamaged, unseal } from './sealed-file.ts';

/** @throws BackupDamaged */
export async function* readLines(file: string, key: string): AsyncGenerator<string> {
  const opened = Readable.from(unseal(createReadStream(file), key));
  const unpacked = createGunzip();
  opened.on('error', (error) => unpacked.destroy(error));
  opened.pipe(unpacked);
  try {
    yield* createInterface({ input: unpacked, crlfDelay: Number.POSITIVE_INFINITY });
    if (unpacked.errored) throw unpacked.errored;
  } catch (error) {
    if (error instanceof BackupDamaged) throw error;
    const { syscall } = error as NodeJS.ErrnoException;
    if (syscall !== undefined) throw new Error(`Cannot read '${file}': ${reasonOf(error)}`, { cause: error });
    throw new BackupDamaged('Cannot read the backup: it cannot be unpacked', { cause: error });
  }
}

/** Reads the backup from end to end. @throws BackupDamaged @returns its number of rows */
export async function checkWhole(file: string, key: string): Promise<number> {
  let rows = 0;
  let hasEnd = false;
  for await (const line of readLines(file, key)) {
    if (line.startsWith('R')) rows += 1;
    hasEnd ||= line.startsWith('Z');
  }
  if (!hasEnd) throw new BackupDamaged('Cannot read the backup: it is not whole');
  return rows;
}

/**
 * Replaces everything in the database by the backup, and begins a new lineage, so that no cache keeps data from after
 * it. A backup of an older release is loaded into the schema of its time, which is then migrated.
 * @param appUrl of the role of the shop, unless that is the owner
 */
export async function restore(
  databaseUrl: string,
  file: string,
  { key, appUrl }: { key: string; appUrl?: string | undefined },
): Promise<Loaded> {
  await checkWhole(file, key);
  const pool = createPool({ url: databaseUrl, name: 'restore', max: 2, queryTimeoutMs: 600_000 });
  await using standing = new AsyncDisposableStack();
  const db = standing.adopt(createDatabase(pool), (opened) => opened.destroy());
  const { client } = standing.use(await connect(databaseUrl));
  const loaded = await loadDump(client, readLines(file, key), (head) => bringSchemaTo(db, head.migrations));
  await migrateToLatest(db);
  if (appUrl !== undefined) await grantToAppRole(db, appUrl);
  return loaded;
}

async function bringSchemaTo(db: Db, wanted: string[]): Promise<void> {
  const unknown = wanted.filter((name) => !knownMigrations.includes(name));
  if (unknown.length > 0)
    throw new Error(`Cannot restore: the backup is of a later release, which made ${unknown.join(', ')}`);
  const applied = await appliedMigrations(db);
  const isSame = applied.length === wanted.length && wanted.every((name) => applied.includes(name));
  if (isSame) return;
  await db.schema.dropSchema('public').ifExists().cascade().execute();
  await db.schema.createSchema('public').execute();
  await migrateTo(db, wanted);
}

async function connect(url: string): Promise<AsyncDisposable & { client: pg.Client }> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

export interface Verified extends Loaded {
  /** A sentence for each broken law; empty if there is none. */
  broken: string[];
}

/** Restores the backup into a server that is started for this and removed afterwards. */
export async function verify(file: string, key: string): Promise<Verified> {
  await checkWhole(file, key);
  const folder = mkdtempSync(join(tmpdir(), 'myclothes-verify-'));
  const server = await startPostgres({
    folder: join(folder, 'data'),
    password: randomBytes(18).toString('base64url'),
    logFile: join(folder, 'postgres.log'),
    settings: { fsync: 'off', full_page_writes: 'off' },
  });
  try {
    const restored = await restore(server.url, file, { key });
    await using client = await connect(server.url);
    return { ...restored, broken: await brokenLaws(client.client) };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

// The laws of every database of the shop, which are checked on a restored backup.

/** Each query counts the rows that break its law. */
const laws: [sentence: string, sql: string][] = [
  [
    'an order has lines',
    'select from orders o where not exists (select from order_lines l where l.order_id = o.id)',
  ],
  [
    'an order has a payment',
    'select from orders o where not exists (select from payments p where p.order_id = o.id)',
  ],
  ['no line of an order has less than one piece', 'select from order_lines where quantity < 1'],
  ['no variant has less than no stock', 'select from variants where available < 0'],
  [
    'a product on sale has a variant',
    "select from products p where status = 'active' and not exists (select from variants v where v.product_id = p.id)",
  ],
  ['work that is done says when', "select from outbox where state = 'done' and done_at is null"],
  ['the database has one lineage', 'select from (select count(*) from database_lineage) l where count <> 1'],
];

interface ForeignKey {
  name: string;
  child: string;
  parent: string;
  childColumns: string[];
  parentColumns: string[];
}

/** @returns a sentence for each broken law */
export async function brokenLaws(client: pg.Client): Promise<string[]> {
  const broken: string[] = [];
  const count = async (sentence: string, sql: string) => {
    const { rows } = await client.query<{ count: string }>(`select count(*) from (${sql}) broken`);
    if (rows[0]!.count !== '0') broken.push(`${sentence}: ${rows[0]!.count} rows break it`);
  };
  for (const [sentence, sql] of laws) await count(sentence, sql);
  // Foreign keys are off while rows are loaded, so they are checked here.
  for (const key of await readForeignKeys(client)) await count(`foreign key ${key.name}`, orphansOf(key));
  return broken;
}

function orphansOf({ child, parent, childColumns, parentColumns }: ForeignKey): string {
  const pairs = childColumns.map((column, at) => `p.${quoted(parentColumns[at]!)} = c.${quoted(column)}`);
  const isSet = childColumns.map((column) => `c.${quoted(column)} is not null`);
  return `select from ${child} c where ${isSet.join(' and ')}
    and not exists (select from ${parent} p where ${pairs.join(' and ')})`;
}

async function readForeignKeys(client: pg.Client): Promise<ForeignKey[]> {
  const names = (table: string, key: string) => `
    (select array_agg(a.attname::text order by k.place) from unnest(${key}) with ordinality k (number, place)
      join pg_attribute a on a.attrelid = ${table} and a.attnum = k.number)`;
  const { rows } = await client.query<ForeignKey>(`
    select conname as name, conrelid::regclass::text as child, confrelid::regclass::text as parent,
      ${names('conrelid', 'conkey')} as "childColumns", ${names('confrelid', 'confkey')} as "parentColumns"
    from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace`);
  return rows;
}
