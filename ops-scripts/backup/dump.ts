// Reads a whole database as lines of text, in one transaction with one snapshot.
import { createHash } from 'node:crypto';
import type pg from 'pg';

/** The first line. The rows follow, table by table. Each table ends with the number and the digest of its rows. */
export interface DumpHead {
  takenAt: string;
  lineage: string;
  migrations: string[];
  tables: { name: string; columns: string[] }[];
  sequences: { name: string; value: string; isCalled: boolean }[];
}

export interface TableEnd {
  table: string;
  rows: number;
  sha256: string;
}

/**
 * A line is a letter, then JSON. `H`: the head, `R`: a row of the current table, `E`: the end of a table, `Z`: the end.
 */
export type LineKind = 'H' | 'R' | 'E' | 'Z';

/** Tables of the migrations, which the head contains. */
const ownTables = ['kysely_migration', 'kysely_migration_lock'];
const rowsAtOnce = 1_000;

/** Formats that differ between servers would be read back as other values. */
export const sameTexts = `set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres';
  set local extra_float_digits = 1; set local bytea_output = 'hex'; set local statement_timeout = 0;
  set local idle_in_transaction_session_timeout = 0`;

export async function* dumpDatabase(client: pg.Client): AsyncGenerator<string> {
  await client.query('begin isolation level repeatable read read only');
  try {
    await client.query(sameTexts);
    const head = await readHead(client);
    yield `H${JSON.stringify(head)}\n`;
    let rows = 0;
    for (const { name } of head.tables) {
      const digest = createHash('sha256');
      let ofTable = 0;
      await client.query(
        `declare dumped no scroll cursor for select row_to_json(t)::text as row from ${quoted(name)} t`,
      );
      for (;;) {
        const fetched = await client.query<{ row: string }>(`fetch ${rowsAtOnce} from dumped`);
        for (const { row } of fetched.rows) digest.update(row);
        ofTable += fetched.rows.length;
        if (fetched.rows.length > 0) yield fetched.rows.map(({ row }) => `R${row}\n`).join('');
        if (fetched.rows.length < rowsAtOnce) break;
      }
      await client.query('close dumped');
      const end: TableEnd = { table: name, rows: ofTable, sha256: digest.digest('hex') };
      yield `E${JSON.stringify(end)}\n`;
      rows += ofTable;
    }
    yield `Z${JSON.stringify({ tables: head.tables.length, rows })}\n`;
  } finally {
    await client.query('rollback').catch(() => undefined);
  }
}

async function readHead(client: pg.Client): Promise<DumpHead> {
  const { rows: moments } = await client.query<{ takenAt: Date; lineage: string }>(
    'select now() as "takenAt", value as lineage from database_lineage',
  );
  const { rows: migrations } = await client.query<{ name: string }>(
    'select name from kysely_migration order by name',
  );
  const { takenAt, lineage } = moments[0]!;
  return {
    takenAt: takenAt.toISOString(),
    lineage,
    migrations: migrations.map(({ name }) => name),
    tables: await readTables(client),
    sequences: await readSequences(client),
  };
}

/** All tables except those of extensions. Generated columns are left out, because Postgres computes them again. */
export async function readTables(client: pg.Client): Promise<DumpHead['tables']> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> all($1)
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    group by c.oid, c.relname order by c.relname`,
    [ownTables],
  );
  return rows;
}

/**
 * Reads the sequences after the snapshot was taken. A value that is too high skips numbers, but one that is too low
 * would repeat them.
 */
async function readSequences(client: pg.Client): Promise<DumpHead['sequences']> {
  const { rows } = await client.query<DumpHead['sequences'][number]>(
    `select sequencename as name, coalesce(last_value, start_value)::text as value, last_value is not null as "isCalled"
    from pg_sequences where schemaname = 'public' order by sequencename`,
  );
  return rows;
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
