// Loads the lines of a dump into a database, in one transaction: everything or nothing.
import { createHash, type Hash } from 'node:crypto';
import type pg from 'pg';
import { beginLineageSql } from '../../origin/postgres/lineage.ts';
import { type DumpHead, type LineKind, quoted, readTables, sameTexts, type TableEnd } from './dump.ts';
import { BackupDamaged } from './sealed-file.ts';

export interface Loaded {
  head: DumpHead;
  rows: number;
  /** A new lineage, so that no cache keeps data from after the dump. */
  lineage: string;
}

const rowsAtOnce = 1_000;

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
