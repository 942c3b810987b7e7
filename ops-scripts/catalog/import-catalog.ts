// Imports a product file as a stream, in small transactions, and reports every bad row.
// Repeating it makes no duplicates.
import { countProducts } from '../../origin/catalog/change/dirty-versions.ts';
import { findFormerSlugs, findSkusElsewhere } from '../../origin/catalog/change/match-variants.ts';
import type { PartialProduct } from '../../origin/catalog/change/product-draft.ts';
import { type SavedProduct, saveProducts } from '../../origin/catalog/change/save-product.ts';
import { rememberFileColumns } from '../../origin/catalog/export-products.ts';
import { retryOnConflict } from '../../origin/postgres/postgres-errors.ts';
import type { Db } from '../../origin/schema.ts';
import { describeColumn, isKnownColumn } from './columns.ts';
import { gatherProducts } from './gather-products.ts';
import { type FileHeading, type RowFault, readRows } from './product-file.ts';
import { readDraft } from './read-draft.ts';

export interface ImportReport {
  /** All rows below the heading that are not empty. */
  rows: number;
  /** The rows of which something was not accepted. */
  badRows: number;
  created: number;
  changed: number;
  unchanged: number;
  /** Products that could not be saved at all. */
  refused: number;
}

export interface ImportOptions {
  /** Whether to save everything and roll it back. */
  dryRun?: boolean;
  onFault?: (fault: RowFault) => void;
  /** Called for each remark on a row that was accepted. */
  onNote?: (note: RowFault) => void;
  onProgress?: (report: ImportReport) => void;
}

const productsPerTransaction = 25;
/** The most products with a new handle that wait for the end of the file. Further ones are created as new products. */
const mostRenamed = 20_000;

/** @throws FileFault if it is not a product file; errors of the database are passed on */
export function importCatalog(
  db: Db,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ImportOptions = {},
): Promise<ImportReport> {
  return new Import(db, options).run(bytes);
}

interface LinedDraft {
  draft: PartialProduct;
  /** The lines of its rows. */
  lines: number[];
}

class Import {
  readonly #db: Db;
  readonly #options: ImportOptions;
  readonly #report: ImportReport = { rows: 0, badRows: 0, created: 0, changed: 0, unchanged: 0, refused: 0 };
  #columns: string[] = [];
  #columnsKept = false;
  readonly #badLines = new Set<number>();
  /** Handles of the file, and the lines on which they begin. */
  readonly #handles = new Map<string, number>();
  /** SKUs of the file, and the lines on which they first occur. */
  readonly #skus = new Map<string, number>();
  readonly #renamed: { lined: LinedDraft; formerSlug: string }[] = [];

  constructor(db: Db, options: ImportOptions) {
    this.#db = db;
    this.#options = options;
  }

  async run(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<ImportReport> {
    const listener = {
      onRow: () => {
        this.#report.rows++;
      },
      onHeading: ({ columns }: FileHeading) => {
        this.#columns = columns;
      },
      onFault: (fault: RowFault) => this.#tellFault(fault),
      onNote: (note: RowFault) => this.#options.onNote?.(note),
    };
    let batch: LinedDraft[] = [];
    for await (const product of gatherProducts(readRows(bytes, listener), this.#handles, listener)) {
      const draft = readDraft(product, listener);
      const lines = product.rows.map(({ line }) => line);
      if (draft === undefined) this.#refuse(lines);
      else {
        this.#tellRepeatedSkus(draft);
        batch.push({ draft, lines });
      }
      if (batch.length < productsPerTransaction) continue;
      await this.#saveOrPutOff(batch);
      batch = [];
    }
    await this.#saveOrPutOff(batch);
    await this.#saveRenamed();
    if (!this.#options.dryRun) await this.#db.transaction().execute(countProducts);
    return this.#report;
  }

  /** Remembers the file's columns, before any of their cells are saved. */
  async #keepColumns(): Promise<void> {
    this.#columnsKept = true;
    if (this.#options.dryRun) return;
    const brought = this.#columns.filter(
      (name) => !isKnownColumn(name) && describeColumn(name) !== undefined,
    );
    await rememberFileColumns(this.#db, brought);
  }

  /**
   * Saves products, except for those that may be renamed: their handle is new and their SKUs belong to another product.
   * Only the end of the file shows whether it also has that product's handle.
   */
  async #saveOrPutOff(batch: LinedDraft[]): Promise<void> {
    if (!this.#columnsKept) await this.#keepColumns();
    if (batch.length === 0) return;
    const former = await findFormerSlugs(
      this.#db,
      batch.map(({ draft }) => draft),
    );
    const now: LinedDraft[] = [];
    for (const lined of batch) {
      const formerSlug = former.get(lined.draft.slug);
      const isRenamed = formerSlug !== undefined && !this.#handles.has(formerSlug);
      if (isRenamed && this.#renamed.length < mostRenamed) this.#renamed.push({ lined, formerSlug });
      else now.push(lined);
    }
    await this.#save(now);
    this.#options.onProgress?.(this.#report);
  }

  async #saveRenamed(): Promise<void> {
    for (const { lined, formerSlug } of this.#renamed) {
      const { draft, lines } = lined;
      if (this.#handles.has(formerSlug)) {
        await this.#save([lined]);
        continue;
      }
      const reason = `was '${formerSlug}' before: it has the same SKUs, and the file has no such Handle`;
      this.#options.onNote?.({ line: draft.line!, reason });
      await this.#save([{ draft: { ...draft, formerSlug }, lines }]);
    }
  }

  async #save(batch: LinedDraft[]): Promise<void> {
    if (batch.length === 0) return;
    const drafts = batch.map(({ draft }) => draft);
    let saved: SavedProduct[];
    try {
      await this.#tellSkusElsewhere(drafts);
      saved = await retryOnConflict(() => saveAll(this.#db, drafts, this.#options.dryRun ?? false));
    } catch (error) {
      const reason = refusalOf(error);
      if (reason === undefined) throw error;
      // One of the products is at fault. Saving each alone shows which one.
      if (batch.length > 1) for (const one of batch) await this.#save([one]);
      else {
        this.#tellFault({ line: batch[0]!.draft.line!, reason });
        this.#refuse(batch[0]!.lines);
      }
      return;
    }
    for (const [index, { outcome, notices }] of saved.entries()) {
      const { draft, lines } = batch[index]!;
      for (const { line = draft.line!, reason, isFault } of notices) {
        if (isFault) this.#tellFault({ line, reason });
        else this.#options.onNote?.({ line, reason });
      }
      if (outcome === 'refused') this.#refuse(lines);
      else this.#report[outcome]++;
    }
  }

  #tellFault(fault: RowFault): void {
    this.#badLines.add(fault.line);
    this.#report.badRows = this.#badLines.size;
    this.#options.onFault?.(fault);
  }

  #refuse(lines: number[]): void {
    for (const line of lines) this.#badLines.add(line);
    this.#report.badRows = this.#badLines.size;
    this.#report.refused++;
  }

  /** SKUs may repeat. The import reports repeats, in case they are a mistake. */
  #tellRepeatedSkus({ variants }: PartialProduct): void {
    for (const { sku, line } of variants) {
      if (sku === undefined || line === undefined) continue;
      const first = this.#skus.get(sku);
      if (first === undefined) this.#skus.set(sku, line);
      else this.#options.onNote?.({ line, reason: `has the same Variant SKU as line ${first}: ${sku}` });
    }
  }

  async #tellSkusElsewhere(drafts: PartialProduct[]): Promise<void> {
    if (this.#options.onNote === undefined) return;
    const elsewhere = await findSkusElsewhere(this.#db, drafts);
    for (const { sku, line } of drafts.flatMap(({ variants }) => variants)) {
      const slug = sku === undefined ? undefined : elsewhere.get(sku);
      if (slug === undefined || this.#handles.has(slug)) continue;
      this.#options.onNote({ line: line!, reason: `has a Variant SKU that '${slug}' has too: ${sku}` });
    }
  }
}

class DryRun extends Error {
  readonly saved: SavedProduct[];

  constructor(saved: SavedProduct[]) {
    super('A dry run keeps nothing');
    this.saved = saved;
  }
}

async function saveAll(db: Db, drafts: PartialProduct[], dryRun: boolean): Promise<SavedProduct[]> {
  const cause = { what: 'catalog import', at: new Date() };
  try {
    return await db.transaction().execute(async (tx) => {
      const saved = await saveProducts(tx, drafts, cause);
      if (dryRun) throw new DryRun(saved);
      return saved;
    });
  } catch (error) {
    if (error instanceof DryRun) return error.saved;
    throw error;
  }
}

/** @returns undefined if the fault is not of the product but of the database or this program */
function refusalOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (['40P01', '40001', '55P03'].includes(code))
    return 'could not be saved, as others were changing it all the time; import it again';
  // Class 22: a value that Postgres cannot store. 23: a value that contradicts another. 54: a value beyond a limit,
  // such as that of an index.
  if (code.startsWith('54')) return 'has a value that is too long for the database';
  if (code.startsWith('23')) return 'contradicts what the shop has already';
  return code.startsWith('22') ? 'has a value that the database cannot hold' : undefined;
}
