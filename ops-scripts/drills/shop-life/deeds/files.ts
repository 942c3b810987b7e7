// Product file deeds: full imports, imports with few columns, and imports that archive and restore products.
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import { readStock } from '../laws/money-and-stock.ts';
import type { ShopLife } from '../life.ts';
import {
  amount,
  fullColumns,
  handlePrefix,
  makeLifeProducts,
  saleHandles,
} from '../product-files/life-products.ts';
import {
  cellsOf,
  exportCatalog,
  importCatalog,
  type ProductFile,
  type Row,
  readFileOf,
  writeFileOf,
} from '../product-files/product-file.ts';

/** Imports the drill's own products on the first day, beside the demonstration catalog. */
export async function importLifeProducts(life: ShopLife, random: SeededRandom): Promise<void> {
  const rows = makeLifeProducts(random);
  await life.desk.alone(() =>
    life.till.alone(async () => {
      await importCatalog(life, 'life.csv', writeFileOf(fullColumns, rows));
      await takeStockAsItIs(life);
    }),
  );
  life.record.count('imports a full product file');
}

/** Starts the record of stock, which must explain every later stock value. */
export async function takeStockAsItIs(life: ShopLife): Promise<void> {
  for (const { id, available, sold } of await readStock(life))
    life.record.stock.set(id, { set: available, soldBefore: sold });
}

interface FileKind {
  name: string;
  /** The columns besides the handle and those that identify a variant. */
  columns: string[];
  /** Changes the cells of one row. */
  change(row: Row, random: SeededRandom, isFirst: boolean): Row;
}

/** Each file has a `Title` column, as files of other tools do. */
const ofProduct = ['Handle', 'Title'];
const ofVariant = [
  'Handle',
  'Title',
  'Option1 Name',
  'Option1 Value',
  'Option2 Name',
  'Option2 Value',
  'Option3 Name',
  'Option3 Value',
  'Variant SKU',
];

const kinds: FileKind[] = [
  {
    name: 'imports a file of prices',
    columns: [...ofVariant, 'Variant Price'],
    change: (row, random) =>
      row['Variant Price'] === '' ? row : { ...row, 'Variant Price': amount(random.integer(700, 19_900)) },
  },
  {
    name: 'imports a file of stocks',
    columns: [...ofVariant, 'Variant Inventory Qty'],
    change: (row, random) =>
      row['Variant Price'] === '' ? row : { ...row, 'Variant Inventory Qty': String(random.integer(0, 70)) },
  },
  {
    name: 'imports a file of titles',
    columns: ofProduct,
    change: (row, random, isFirst) =>
      isFirst
        ? {
            ...row,
            Title: `${row['Title']!.replace(/ \(season \d+\)/, '')} (season ${random.integer(2, 99)})`,
          }
        : row,
  },
  {
    name: 'imports a file of tags',
    columns: [...ofProduct, 'Tags'],
    change: (row, random, isFirst) =>
      isFirst
        ? { ...row, Tags: `${row['Tags']!.replace(/, week-\d+/, '')}, week-${random.integer(1, 52)}` }
        : row,
  },
  {
    name: 'imports a file of texts for search engines',
    columns: [...ofProduct, 'SEO Title', 'SEO Description'],
    change: (row, random, isFirst) =>
      isFirst
        ? { ...row, 'SEO Title': `Nº ${random.integer(1, 99)} “best”`, 'SEO Description': '=1+1, -2 & @all' }
        : row,
  },
];

/** Imports a file with some columns. The absent columns must not change. */
export async function importSomeColumns(life: ShopLife, random: SeededRandom): Promise<void> {
  const kind = random.pick(kinds);
  const isStock = kind.columns.includes('Variant Inventory Qty');
  await life.desk.alone(async () => {
    const work = async () => {
      const before = await exportCatalog(life);
      const file = readFileOf(before);
      const isPrice = kind.columns.includes('Variant Price');
      const handles = pickHandles(file, random, 6).filter(
        (handle) => !isPrice || !saleHandles.includes(handle),
      );
      const rows = handles.flatMap((handle) =>
        file.byHandle.get(handle)!.map((row, index) => kind.change(row, random, index === 0)),
      );
      await importRows(life, kind.columns, rows, before);
      if (isStock) await takeStockAsItIs(life);
      noteRows(
        life,
        kind.columns.filter((column) => !ofVariant.includes(column) || column === 'Title'),
        handles,
        rows,
      );
    };
    await (isStock ? life.till.alone(work) : work());
  });
  life.record.count(kind.name);
}

/** Archives by both columns for it, as files of other shops do. */
export async function archive(life: ShopLife, random: SeededRandom): Promise<void> {
  await setStatus(life, random, { Status: random.pick(['archived', 'draft']), Published: 'false' });
}

export async function bringBack(life: ShopLife, random: SeededRandom): Promise<void> {
  await setStatus(life, random, { Status: 'active', Published: 'true' });
}

async function setStatus(
  life: ShopLife,
  random: SeededRandom,
  cells: { Status: string; Published: string },
): Promise<void> {
  const isActive = cells.Status === 'active';
  await life.desk.alone(async () => {
    const before = await exportCatalog(life);
    const file = readFileOf(before);
    const own = [...file.byHandle.keys()].filter(
      (handle) => handle.startsWith(handlePrefix) && !saleHandles.includes(handle),
    );
    const candidates = own.filter((handle) => life.record.hidden.has(handle) === isActive);
    if (candidates.length === 0) return;
    const handle = random.pick(candidates);
    const rows = [{ ...file.byHandle.get(handle)![0]!, ...cells }];
    await importRows(life, [...ofProduct, 'Published', 'Status'], rows, before);
    if (isActive) life.record.hidden.delete(handle);
    else life.record.hidden.add(handle);
    noteRows(life, ['Published', 'Status'], [handle], rows);
    life.record.count(
      isActive
        ? 'brings a product back'
        : `${cells.Status === 'draft' ? 'makes a draft of' : 'archives'} a product`,
    );
  });
}

async function importRows(life: ShopLife, columns: string[], rows: Row[], before: string): Promise<void> {
  const handles = [...new Set(rows.map((row) => row['Handle']!))];
  await importCatalog(life, 'some-columns.csv', writeFileOf(columns, rows));
  const after = await exportCatalog(life);
  life.record.partialImports.push({ columns, handles, before, after });
}

/** Picks mostly products of the drill itself. */
function pickHandles(file: ProductFile, random: SeededRandom, count: number): string[] {
  const all = [...file.byHandle.keys()];
  const own = all.filter((handle) => handle.startsWith(handlePrefix));
  const picked = Array.from({ length: count }, () => random.pick(random.next() < 0.7 ? own : all));
  return [...new Set(picked)];
}

/** Records the cells of one product joined by line breaks, as the shop's export gives them. */
function noteRows(life: ShopLife, columns: string[], handles: string[], rows: Row[]): void {
  for (const handle of handles) {
    const ofHandle = rows.filter((row) => row['Handle'] === handle);
    for (const column of columns) life.record.noteSet(handle, column, cellsOf(ofHandle, column).join('\n'));
  }
}

export async function exportOnly(life: ShopLife): Promise<void> {
  await exportCatalog(life);
  life.record.count('exports the catalog');
}
