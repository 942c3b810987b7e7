// Streams the catalog as a Shopify product file; importing it again changes nothing.
import { stringify } from 'csv-stringify/sync';
import type { Cells } from '../../origin/catalog/change/product-draft.ts';
import {
  type ExportedProduct,
  exportProducts,
  hasArchivedVariants,
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
  isKnownColumn,
  productColumns,
  variantColumns,
} from './columns.ts';
import { guardCell } from './decode-file.ts';

/**
 * The heading, then the rows of one product after the other: Shopify's columns and all that files brought beyond
 * them.
 */
export async function* exportCatalog(db: DbOrTx): AsyncGenerator<string> {
  const brought = (await readFileColumns(db)).filter((name) => !isKnownColumn(name));
  const own = (await hasArchivedVariants(db)) ? [archivedColumn] : [];
  const names = [...columns, ...own, ...brought];
  yield stringify([names.map(guardCell)]);
  for await (const product of exportProducts(db)) {
    yield stringify(toRows(product).map((cells) => names.map((name) => guardCell(cells[name] ?? ''))));
  }
}

/** Variants, pictures and kept rows stand side by side, the longest list goes on alone. */
function toRows(product: ExportedProduct): Cells[] {
  const count = Math.max(product.variants.length, product.images.length, product.fileRows.length, 1);
  return Array.from({ length: count }, (_, index) => ({
    ...rowCells(product, index),
    ...variantCells(product, index),
    ...imageCells(product, index),
    Handle: product.slug,
  }));
}

/** The first row describes the product; further rows have what no variant has. */
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
