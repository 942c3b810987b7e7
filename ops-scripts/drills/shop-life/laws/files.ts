// Laws of product files: imported values stay, absent columns do not change, and an export can be imported again.
import { takeStockAsItIs } from '../deeds/files.ts';
import type { PartialImport, SetValues, ShopLife } from '../life.ts';
import {
  cellsOf,
  exportCatalog,
  importCatalog,
  type Row,
  readFileOf,
} from '../product-files/product-file.ts';
import { defineLaw } from './law.ts';
import { readStock } from './money-and-stock.ts';

/**
 * Law: a value that staff or an import set stays until it is set again. Compares each day's export with the previous
 * day's export plus the day's changes.
 */
interface FilesSeen {
  /** Undefined on the first day. */
  yesterday: string | undefined;
  today: string;
  set: SetValues;
}

/** This column changes with every order, and a law of its own judges it. */
const stockColumn = 'Variant Inventory Qty';

export const changesStay = defineLaw<FilesSeen>({
  name: 'changes-stay',
  isCostly: true,
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

/** One value may apply to every row. A cell that a spreadsheet would read as a formula has a quote before it. */
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

/** Law: an import does not change columns that are absent from its file. */
export const absentColumnsStay = defineLaw<PartialImport[]>({
  name: 'absent-columns-stay',
  // Each import is judged once, because a long life keeps no files.
  gather: async ({ record }) => record.partialImports,
  judge: (imports) => imports.flatMap(judgeImport),
});

function judgeImport({ columns, handles, before, after }: PartialImport): string[] {
  const [was, is] = [readFileOf(before), readFileOf(after)];
  const absent = was.columns.filter((column) => !columns.includes(column) && column !== stockColumn);
  return handles.flatMap((handle) =>
    absent.flatMap((column) => {
      const [then, now] = [was, is].map((file) =>
        cellsOf(file.byHandle.get(handle) ?? [], column).join('\n'),
      );
      return then === now
        ? []
        : [
            `A file of ${columns.join(', ')} changed ${column} of ${handle} from “${short(then)}” to “${short(now)}”`,
          ];
    }),
  );
}

function short(text = ''): string {
  return text.replace(/\n+/g, ' | ').slice(0, 120);
}

/** Law: an exported file can be imported without faults, and the next export is identical byte for byte. */
interface RoundTrip {
  first: string;
  second: string;
}

export const filesComeBack = defineLaw<RoundTrip>({
  name: 'files-come-back',
  isCostly: true,
  gather: (life) => life.desk.alone(() => life.till.alone(() => makeRoundTrip(life))),
  judge({ first, second }) {
    if (first === second) return [];
    const [a, b] = [first.split('\n'), second.split('\n')];
    const at = a.findIndex((line, index) => line !== b[index]);
    return [`Line ${at + 1} was “${a[at]?.slice(0, 300)}” and came back as “${b[at]?.slice(0, 300) ?? ''}”`];
  },
});

const mostTrips = 3;

/** Starts again if the worker put the pieces of an unpaid order back meanwhile, because these change the stock. */
async function makeRoundTrip(life: ShopLife, trip = 1): Promise<RoundTrip> {
  const soldBefore = await readSold(life);
  const first = await exportCatalog(life);
  await importCatalog(life, 'exported.csv', first);
  const second = await exportCatalog(life);
  if (trip === mostTrips || (await readSold(life)) === soldBefore) return { first, second };
  await takeStockAsItIs(life);
  return makeRoundTrip(life, trip + 1);
}

async function readSold(life: ShopLife): Promise<string> {
  return (await readStock(life)).map(({ id, sold }) => `${id} ${sold}`).join('\n');
}
