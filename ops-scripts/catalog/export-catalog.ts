// Streams the catalog as a Shopify product file; importing it again changes nothing.

import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import type { Cells } from '../../origin/catalog/change/product-draft.ts';
import {
  type ExportedProduct,
  exportProducts,
  hasArchivedVariants,
  hasFacts,
  readFileColumns,
} from '../../origin/catalog/export-products.ts';
import type { DbOrTx } from '../../origin/schema.ts';
import {
  canonicalProductCell,
  canonicalVariantCell,
  isWorthKeeping,
  writeProductCell,
  writeVariantCell,
} from './cells.ts';
import {
  archivedColumn,
  columns,
  defaultCells,
  describeColumn,
  factColumns,
  isKnownColumn,
  productColumns,
  variantColumns,
} from './columns.ts';
import { guardCell } from './decode-file.ts';

/** Yields the heading, then the rows of each product, with Shopify's columns and all columns of imported files. */
export async function* exportCatalog(db: DbOrTx): AsyncGenerator<string> {
  const brought = (await readFileColumns(db)).filter((name) => !isKnownColumn(name));
  const own: string[] = (await hasArchivedVariants(db)) ? [archivedColumn] : [];
  if (await hasFacts(db)) own.push(...factColumns.filter((name) => !brought.includes(name)));
  const names = [...columns, ...own, ...brought];
  yield stringify([names.map(guardCell)]);
  for await (const product of exportProducts(db)) {
    yield stringify(toRows(product).map((cells) => names.map((name) => guardCell(cells[name] ?? ''))));
  }
}

/** Row n has variant n, picture n and kept row n. The longest list gives the number of rows. */
function toRows(product: ExportedProduct): Cells[] {
  const count = Math.max(product.variants.length, product.images.length, product.fileRows.length, 1);
  return Array.from({ length: count }, (_, index) => ({
    ...rowCells(product, index),
    ...variantCells(product, index),
    ...imageCells(product, index),
    Handle: product.slug,
  }));
}

/** The first row describes the product. Further rows have the kept cells that belong to no variant. */
function rowCells(product: ExportedProduct, index: number): Cells {
  const kept = product.fileRows[index] ?? {};
  const cells = { ...kept };
  for (const column of productColumns) {
    const present = writeProductCell(column, product);
    const raw = kept[column];
    const isStill = raw !== undefined && canonicalProductCell(column, raw, product.optionNames) === present;
    cells[column] = isStill ? raw : index === 0 ? present : '';
  }
  if (index > 0) return cells;
  for (const [name, cell] of Object.entries(defaultCells)) {
    if (describeColumn(name)?.of === 'product') cells[name] ??= cell;
  }
  return cells;
}

function variantCells(product: ExportedProduct, index: number): Cells {
  const variant = product.variants[index];
  if (variant === undefined) return {};
  const cells = { ...variant.cells };
  for (const column of variantColumns) {
    const present = writeVariantCell(column, product.slug, variant);
    const raw = variant.cells[column];
    const of = { slug: product.slug, optionValues: variant.optionValues };
    const isStill = raw !== undefined && canonicalVariantCell(column, raw, of) === present;
    cells[column] = isStill && isWorthKeeping(column, raw) ? raw : present;
  }
  for (const [name, cell] of Object.entries(defaultCells)) {
    if (describeColumn(name)?.of === 'variant') cells[name] ??= cell;
  }
  return cells;
}

function imageCells(product: ExportedProduct, index: number): Cells {
  const image = product.images[index];
  if (image === undefined) return {};
  return { 'Image Src': image.url, 'Image Position': String(index + 1), 'Image Alt Text': image.alt };
}

type Text = AsyncIterable<string>;

/**
 * Replaces a file atomically: writes beside it, syncs to disk, then renames.
 * @param file a device or a pipe is written directly; for a link, its target is replaced and keeps its mode
 */
export async function replaceFile(file: string, read: () => Text): Promise<void> {
  const present = await stat(file).catch(ignoreAbsent);
  if (present?.isDirectory())
    throw Object.assign(new Error('It is a folder'), { code: 'EISDIR', syscall: 'open' });
  if (present !== undefined && !present.isFile()) return writeStraight(file, read());
  const target = present === undefined ? file : await realpath(file);
  await writeBeside(target, present?.mode, read);
}

async function writeBeside(target: string, mode: number | undefined, read: () => Text): Promise<void> {
  const beside = `${target}.${randomBytes(4).toString('hex')}.part`;
  const handle = await open(beside, 'wx');
  const remove = () => rmSync(beside, { force: true });
  const forget = removeWhenStopped(remove);
  try {
    await handle.writeFile(read());
    await handle.sync();
    await handle.close();
    if (mode !== undefined) await chmod(beside, mode & 0o777);
    await rename(beside, target);
    await syncFolder(dirname(target));
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(beside, { force: true });
    throw error;
  } finally {
    forget();
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Removes the unfinished file if the command is stopped. */
function removeWhenStopped(remove: () => void): () => void {
  const stop = (signal: NodeJS.Signals) => {
    remove();
    forget();
    process.kill(process.pid, signal);
  };
  const forget = () => {
    for (const signal of signals) process.off(signal, stop);
  };
  for (const signal of signals) process.on(signal, stop);
  return forget;
}

async function writeStraight(file: string, source: Text): Promise<void> {
  await using handle = await open(file, 'w');
  await handle.writeFile(source);
}

/** Syncs the folder, so that a power cut cannot undo the rename. Some systems do not let folders be opened. */
async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // The file itself is on the disk already.
  } finally {
    await handle?.close();
  }
}

function ignoreAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
