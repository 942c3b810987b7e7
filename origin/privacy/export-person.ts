// Exports all records of a person, table by table, by the rules of the register.
// Leaves out secrets and the names of staff.
import { sql } from 'kysely';
import type { KeepPeriods } from '../config.ts';
import type { DbOrTx } from '../schema.ts';
import { type Person, rowsOf } from './person.ts';
import { type Kind, type PersonalTable, register } from './register.ts';

export type ExportedRow = Record<string, unknown>;

/** By table, without tables that have no record of the person. */
export type PersonRecords = Record<string, ExportedRow[]>;

const neverExported = new Set<Kind>(['secret', 'staff', 'file']);
/** Columns that connect rows of several tables. */
const alsoExported = ['id', 'order_id', 'return_id', 'shipment_id', 'status'];

export async function exportPerson(db: DbOrTx, person: Person): Promise<PersonRecords> {
  const records: PersonRecords = {};
  for (const [name, table] of Object.entries(register)) {
    const where = rowsOf(name, person);
    if (where === undefined) continue;
    const columns = exportedColumns(table).map((column) => sql.ref(column));
    const { rows } = await sql<ExportedRow>`
      select ${sql.join(columns)} from ${sql.table(name)} where ${where}`.execute(db);
    if (rows.length > 0) records[name] = rows;
  }
  return records;
}

export interface CountedRecords {
  table: string;
  title: string;
  rows: number;
  /** The columns that erasure changes, or `rows` where it deletes them; empty where all of it remains. */
  erases: 'rows' | string[];
}

/** Counts the rows that erasure would find, without changing any. */
export async function countRecords(db: DbOrTx, person: Person): Promise<CountedRecords[]> {
  const counted: CountedRecords[] = [];
  for (const [table, { title, erase }] of Object.entries(register)) {
    const where = rowsOf(table, person);
    if (where === undefined) continue;
    const found = await sql<{ rows: number }>`
      select count(*)::int as rows from ${sql.table(table)} where ${where}`.execute(db);
    const rows = found.rows[0]!.rows;
    if (rows > 0) counted.push({ table, title, rows, erases: erase === 'rows' ? erase : Object.keys(erase) });
  }
  return counted;
}

export function exportedColumns({ personal, other }: PersonalTable): string[] {
  const context = other.split(' ').filter((column) => alsoExported.includes(column));
  const told = Object.keys(personal).filter((column) => !neverExported.has(personal[column]!));
  return [...context, ...told];
}

/** @returns a period, such as `30 days without use` or `3 years` */
export function describeKept({ kept }: Pick<PersonalTable, 'kept'>, keep: KeepPeriods): string {
  return kept.replaceAll(/KEEP_\w+/g, (setting) => {
    const period = keep[setting as keyof KeepPeriods];
    if (setting.endsWith('YEARS')) return `${period} years after the year of issue`;
    return period % 365 === 0 ? `${period / 365} years` : `${period} days`;
  });
}
