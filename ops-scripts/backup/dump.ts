// Reads a whole database as lines of text, in one transaction that sees one moment of it.
// Also loads such lines, all or nothing.
import { createHash, type Hash } from 'node:crypto';
import type pg from 'pg';
import { beginLineageSql } from '../../origin/postgres/lineage.ts';
import { BackupDamaged } from './sealed-file.ts';

/** The first line. The rows follow, table by table. Each table ends with the number and the digest of its rows. */
interface DumpHead {
  takenAt: string;
  lineage: string;
  migrations: string[];
  tables: { name: string; columns: string[] }[];
  sequences: { name: string; value: string; isCalled: boolean }[];
}

interface TableEnd {
  table: string;
  rows: number;
  sha256: string;
}

/**
 * A line is a letter, then JSON. `H`: the head, `R`: a row of the current table, `E`: the end of a table, `Z`: the end.
 */
type LineKind = 'H' | 'R' | 'E' | 'Z';

/** Tables of the migrations, which the head contains. */
const ownTables = ['kysely_migration', 'kysely_migration_lock'];
const rowsAtOnce = 1_000;

/** Formats that differ between servers would be read back as other values. */
const sameTexts = `set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres';
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
async function readTables(client: pg.Client): Promise<DumpHead['tables']> {
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

export interface Loaded {
  head: DumpHead;
  rows: number;
  /** A new lineage, so that no cache keeps data from after the dump. */
  lineage: string;
}

/**
 * Replaces every row of every table and begins a new lineage. Triggers and foreign keys are off meanwhile, because the
 * rows were consistent when they were dumped.
 * @param prepare called with the head before anything is replaced
 * @throws BackupDamaged if the dump is incomplete; nothing is replaced then
 */
export async function loadDump(
  client: pg.Client,
  lines: AsyncIterable<string>,
  prepare: (head: DumpHead) => Promise<void>,
): Promise<Loaded> {
  let loading: Loading | undefined;
  try {
    for await (const line of lines) {
      const kind = line[0] as LineKind;
      const text = line.slice(1);
      if (kind === 'H') {
        const head = JSON.parse(text) as DumpHead;
        await prepare(head);
        await client.query('begin');
        await client.query(`${sameTexts}; set local session_replication_role = 'replica'`);
        loading = new Loading(client, head);
        await loading.empty();
      } else if (loading === undefined) throw notWhole();
      else if (kind === 'R') await loading.addRow(text);
      else if (kind === 'E') await loading.endTable(JSON.parse(text));
      else {
        const loaded = await loading.finish(JSON.parse(text));
        await client.query('commit');
        return loaded;
      }
    }
    throw notWhole();
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

class Loading {
  readonly #client: pg.Client;
  readonly #head: DumpHead;
  #table = 0;
  #rows: string[] = [];
  #ofTable = 0;
  #total = 0;
  #digest: Hash = createHash('sha256');

  constructor(client: pg.Client, head: DumpHead) {
    this.#client = client;
    this.#head = head;
  }

  async empty(): Promise<void> {
    const known = new Map((await readTables(this.#client)).map(({ name, columns }) => [name, columns]));
    for (const { name, columns } of this.#head.tables) {
      const missing = columns.filter((column) => !known.get(name)?.includes(column));
      if (missing.length > 0)
        throw new Error(`Cannot load the backup: '${name}' has no ${missing.join(', ')} here`);
    }
    await this.#client.query(`truncate ${[...known.keys()].map(quoted).join(', ')}`);
  }

  async addRow(row: string): Promise<void> {
    this.#digest.update(row);
    this.#ofTable += 1;
    if (this.#rows.push(row) >= rowsAtOnce) await this.#insert();
  }

  async endTable(end: TableEnd): Promise<void> {
    await this.#insert();
    const isSame =
      end.table === this.#head.tables[this.#table]?.name &&
      end.rows === this.#ofTable &&
      end.sha256 === this.#digest.digest('hex');
    if (!isSame)
      throw new BackupDamaged(
        `Cannot load the backup: the rows of '${end.table}' are not those that were dumped`,
      );
    this.#total += this.#ofTable;
    this.#table += 1;
    this.#ofTable = 0;
    this.#digest = createHash('sha256');
  }

  async finish({ tables, rows }: { tables: number; rows: number }): Promise<Loaded> {
    if (tables !== this.#table || rows !== this.#total) throw notWhole();
    for (const { name, value, isCalled } of this.#head.sequences)
      await this.#client.query('select setval($1::regclass, $2, $3)', [
        `public.${quoted(name)}`,
        value,
        isCalled,
      ]);
    const { rows: begun } = await this.#client.query<{ value: string }>(beginLineageSql);
    return { head: this.#head, rows, lineage: begun[0]!.value };
  }

  async #insert(): Promise<void> {
    if (this.#rows.length === 0) return;
    const table = this.#head.tables[this.#table];
    if (table === undefined) throw notWhole();
    const columns = table.columns.map(quoted).join(', ');
    await this.#client.query(
      `insert into ${quoted(table.name)} (${columns}) overriding system value
      select ${table.columns.map((column) => `r.${quoted(column)}`).join(', ')}
      from unnest($1::text[]) as given (row), json_populate_record(null::${quoted(table.name)}, given.row::json) r`,
      [this.#rows],
    );
    this.#rows = [];
  }
}

function notWhole(): BackupDamaged {
  return new BackupDamaged('Cannot load the backup: it is not whole');
}
