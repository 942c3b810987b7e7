// A product file into the shop: read as a stream, saved in small transactions, every bad row told, nothing doubled when it is run again.
import { countProducts } from '../../origin/catalog/change/dirty-versions.ts';
import { DraftFault, type ProductDraft } from '../../origin/catalog/change/product-draft.ts';
import { type SaveOutcome, saveProducts } from '../../origin/catalog/change/save-product.ts';
import type { Db } from '../../origin/postgres/database.ts';
import { gatherProducts } from './gather-products.ts';
import { type RowFault, readRows } from './product-file.ts';
import { readDraft } from './read-draft.ts';

export interface ImportReport {
  rows: number;
  created: number;
  changed: number;
  unchanged: number;
  /** Products of which nothing could be saved. */
  refused: number;
  faults: number;
}

export interface ImportOptions {
  /** Does everything and keeps nothing. */
  dryRun?: boolean;
  onFault?: (fault: RowFault) => void;
  onProgress?: (report: ImportReport) => void;
}

interface LinedDraft {
  line: number;
  draft: ProductDraft;
}

const productsPerTransaction = 25;

/** @throws FileFault where it is no product file; errors of the database as they are */
export async function importCatalog(
  db: Db,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ImportOptions = {},
): Promise<ImportReport> {
  const report: ImportReport = { rows: 0, created: 0, changed: 0, unchanged: 0, refused: 0, faults: 0 };
  const onFault = (fault: RowFault) => {
    report.faults++;
    options.onFault?.(fault);
  };
  let batch: LinedDraft[] = [];
  const skus: SkuOwners = new Map();
  const save = async () => {
    await saveBatch(db, batch, options.dryRun ?? false, report, onFault);
    batch = [];
    options.onProgress?.(report);
  };
  for await (const product of gatherProducts(readRows(bytes, onFault), onFault)) {
    report.rows += product.rows.length;
    const draft = readDraft(product, onFault);
    const { line } = product.rows[0]!;
    const taken = draft && claimSkus(draft, line, skus);
    if (taken !== undefined) onFault({ line, reason: taken });
    if (draft === undefined || taken !== undefined) report.refused++;
    else batch.push({ line, draft });
    if (batch.length >= productsPerTransaction) await save();
  }
  await save();
  if (!options.dryRun) await db.transaction().execute(countProducts);
  return report;
}

/** Lines of the products that the SKUs of this file belong to: a dry run keeps nothing by which the next product could find out. */
type SkuOwners = Map<string, number>;

/** @returns the reason where a product before it in the file has one of its SKUs */
function claimSkus({ variants }: ProductDraft, line: number, owners: SkuOwners): string | undefined {
  const taken = variants.find(({ sku }) => owners.has(sku));
  if (taken !== undefined)
    return `the SKU ${taken.sku} belongs to another product, on line ${owners.get(taken.sku)}`;
  for (const { sku } of variants) owners.set(sku, line);
  return undefined;
}

async function saveBatch(
  db: Db,
  batch: LinedDraft[],
  dryRun: boolean,
  report: ImportReport,
  onFault: (fault: RowFault) => void,
): Promise<void> {
  if (batch.length === 0) return;
  const drafts = batch.map(({ draft }) => draft);
  try {
    for (const outcome of await saveAll(db, drafts, dryRun)) report[outcome]++;
  } catch (error) {
    const reason = refusalOf(error);
    if (reason === undefined) throw error;
    if (batch.length > 1) {
      // One of them is at fault: which one shows when each is saved by itself.
      for (const one of batch) await saveBatch(db, [one], dryRun, report, onFault);
      return;
    }
    report.refused++;
    onFault({ line: batch[0]!.line, reason });
  }
}

class DryRun extends Error {
  readonly outcomes: SaveOutcome[];

  constructor(outcomes: SaveOutcome[]) {
    super('A dry run keeps nothing');
    this.outcomes = outcomes;
  }
}

async function saveAll(db: Db, drafts: ProductDraft[], dryRun: boolean): Promise<SaveOutcome[]> {
  try {
    return await db.transaction().execute(async (tx) => {
      const outcomes = await saveProducts(tx, drafts);
      if (dryRun) throw new DryRun(outcomes);
      return outcomes;
    });
  } catch (error) {
    if (error instanceof DryRun) return error.outcomes;
    throw error;
  }
}

/** @returns undefined where not the product is at fault but the database or we. */
function refusalOf(error: unknown): string | undefined {
  if (error instanceof DraftFault) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === '23505') return 'has a SKU or options that another variant has already';
  // Class 22: a value that Postgres cannot hold.
  return code.startsWith('22') ? 'has a value that the database cannot hold' : undefined;
}
