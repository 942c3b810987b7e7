// Writes and reads product files as rows by column; interprets only handle and SKU.
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';

export type Row = Record<string, string>;

export function writeFileOf(columns: string[], rows: Row[]): string {
  return stringify([columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))]);
}

export interface ProductFile {
  columns: string[];
  /** In the order of the file. */
  byHandle: Map<string, Row[]>;
}

export function readFileOf(text: string): ProductFile {
  const [columns = [], ...records] = parse(text, { bom: true, relax_column_count: true }) as string[][];
  const byHandle = new Map<string, Row[]>();
  const handleAt = columns.indexOf('Handle');
  for (const record of records) {
    const handle = record[handleAt] ?? '';
    const rows = byHandle.get(handle) ?? [];
    rows.push(Object.fromEntries(columns.map((column, index) => [column, record[index] ?? ''])));
    byHandle.set(handle, rows);
  }
  return { columns, byHandle };
}

/** All cells of one column of one product, one below the other. */
export function cellsOf(rows: Row[], column: string): string[] {
  return rows.map((row) => row[column] ?? '');
}
