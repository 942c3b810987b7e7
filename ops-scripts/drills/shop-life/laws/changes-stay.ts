// Law: a value set by staff or an import stays until it is set again.
// Compares each day's export with the previous day's plus the day's changes.
import type { SetValues } from '../life.ts';
import { exportCatalog } from '../product-files/ops-catalog.ts';
import { cellsOf, type Row, readFileOf } from '../product-files/product-file.ts';
import { defineLaw } from './law.ts';

export interface FilesSeen {
  /** Undefined on the first day. */
  yesterday: string | undefined;
  today: string;
  set: SetValues;
}

/** It changes with every order; a law of its own holds it. */
const stockColumn = 'Variant Inventory Qty';

export const changesStay = defineLaw<FilesSeen>({
  name: 'changes-stay',
  gather: async (life) => ({
    yesterday: life.record.fileOfYesterday,
    today: await exportCatalog(life),
    set: life.record.setToday,
  }),
  judge({ yesterday, today, set }) {
    const now = readFileOf(today);
    const before = yesterday === undefined ? undefined : readFileOf(yesterday).byHandle;
    const gone = [...(before?.keys() ?? [])].filter((handle) => !now.byHandle.has(handle));
    const breaches = [...now.byHandle].flatMap(([handle, rows]) =>
      now.columns
        .filter((column) => column !== stockColumn)
        .flatMap((column) => judgeColumn({ handle, column, rows, before: before?.get(handle), set })),
    );
    return [...gone.map((handle) => `${handle} is gone from the product file`), ...breaches];
  },
});

interface ColumnSeen {
  handle: string;
  column: string;
  rows: Row[];
  before: Row[] | undefined;
  set: SetValues;
}

function judgeColumn({ handle, column, rows, before, set }: ColumnSeen): string[] {
  const cells = cellsOf(rows, column).filter((cell) => cell !== '');
  const ofProduct = set.get(handle);
  if (ofProduct?.has(column)) {
    const value = ofProduct.get(column);
    return value === undefined || isAsSet(cells, value)
      ? []
      : [`${column} of ${handle} was set to ${quote(value)} and is ${quote(cells.join('\n'))}`];
  }
  if (before === undefined) return [];
  const was = cellsOf(before, column).filter((cell) => cell !== '');
  return was.join('\n') === cells.join('\n')
    ? []
    : [
        `${column} of ${handle} was ${quote(was.join('\n'))} and is ${quote(cells.join('\n'))}, though nobody set it`,
      ];
}

/** One value may be that of every row; a cell that a spreadsheet would take for a formula bears a quote before it. */
function isAsSet(cells: string[], value: string): boolean {
  const wanted = value.split('\n').filter((line) => line !== '');
  const isSame = (cell: string, want: string | undefined) =>
    cell === want || (want !== undefined && /^[=+\-@]/.test(want) && cell === `'${want}`);
  if (wanted.length === 1) return cells.length > 0 && cells.every((cell) => isSame(cell, wanted[0]));
  return cells.length === wanted.length && cells.every((cell, index) => isSame(cell, wanted[index]));
}

function quote(text: string): string {
  return `“${text.slice(0, 120)}”`;
}
