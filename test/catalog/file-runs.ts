// Imports a product file into a catalog and exports it again, and collects all messages.
import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { exportCatalog } from '../../ops-scripts/catalog/export-catalog.ts';
import {
  type ImportOptions,
  type ImportReport,
  importCatalog,
} from '../../ops-scripts/catalog/import-catalog.ts';
import type { RowFault } from '../../ops-scripts/catalog/product-file.ts';
import type { Db, DbOrTx } from '../../origin/schema.ts';

export interface FileRun extends ImportReport {
  faults: RowFault[];
  notes: RowFault[];
}

export function fixture(name: string): Buffer {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url));
}

export async function importFile(
  db: Db,
  file: string | Uint8Array,
  options: ImportOptions = {},
): Promise<FileRun> {
  const faults: RowFault[] = [];
  const notes: RowFault[] = [];
  const report = await importCatalog(db, [Buffer.from(file)], {
    onFault: (fault) => faults.push(fault),
    onNote: (note) => notes.push(note),
    ...options,
  });
  return { ...report, faults, notes };
}

/** Lines of cells that need no quotes. */
export function lines(...rows: string[]): string {
  return `${rows.join('\n')}\n`;
}

export async function exportText(db: DbOrTx): Promise<string> {
  let text = '';
  for await (const part of exportCatalog(db)) text += part;
  return text;
}

export function readCells(text: string | Buffer): Record<string, string>[] {
  return parse(text, { columns: true, bom: true });
}

export async function exportCells(db: DbOrTx): Promise<Record<string, string>[]> {
  return readCells(await exportText(db));
}
