// Keeps the cells of a product file that the shop has no column for: with the variant of their row, else with the
// product.
import { type RawBuilder, sql } from 'kysely';
import { allFacts, factNames } from '../product-facts.ts';
import type { Cells, FileCells, FileColumn, PartialVariant } from './product-draft.ts';

export const optionNameColumns = ['Option1 Name', 'Option2 Name', 'Option3 Name'] as const;

/** An export writes these columns only where a product has such a fact, or a file brought the column. */
export const factColumns = allFacts.map((name) => factNames[name].column);

/** Columns for which a product has fields. */
export const productColumns = [
  'Title',
  'Body (HTML)',
  'Vendor',
  'Type',
  'Tags',
  'Published',
  ...optionNameColumns,
  'Status',
  ...factColumns,
] as const;

export function describesProduct(column: string): boolean {
  return (
    (productColumns as readonly string[]).includes(column) ||
    /^(gift card|seo |product category|google shopping|included \/ )|metafields?\./i.test(column)
  );
}

/** Chooses the columns that describe variants in this file. Some columns may describe a product or its variants. */
export function columnsOfVariants(
  file: FileCells | undefined,
  drafts: PartialVariant[],
  known: { file_cells: Cells }[],
): string[] {
  const isOfVariants = ({ name, of }: FileColumn) =>
    of === 'variant' ||
    (of === 'either' &&
      (drafts.slice(1).some(({ cells }) => cells?.[name] !== undefined) ||
        known.some(({ file_cells }) => file_cells[name] !== undefined)));
  return (file?.columns ?? []).filter(isOfVariants).map(({ name }) => name);
}

/** Replaces the cells that the file names and keeps the others. */
export function mergeVariantCells(known: Cells, ofVariants: string[], draft: PartialVariant): Cells {
  const cells = omit(known, ofVariants);
  for (const name of ofVariants) {
    const cell = draft.cells?.[name];
    if (cell !== undefined) cells[name] = cell;
  }
  return cells;
}

/** Cells of product columns that stand in the first variant's row belong to the product's first row. */
export function mergeFileRows(
  known: Cells[],
  file: FileCells | undefined,
  ofVariants: string[],
  first: PartialVariant | undefined,
): Cells[] {
  if (file === undefined) return known;
  const names = file.columns.map(({ name }) => name);
  const ofProduct = omit(first?.cells ?? {}, ofVariants);
  const length = Math.max(known.length, file.rows.length, 1);
  const rows = Array.from({ length }, (_, index) => ({
    ...omit(known[index] ?? {}, names),
    ...file.rows[index],
    ...(index === 0 ? ofProduct : {}),
  }));
  while (rows.length > 0 && Object.keys(rows.at(-1)!).length === 0) rows.pop();
  return rows;
}

/**
 * Moves the cells of rows that stand beside a variant to that variant, as the next import of an export would. Such rows
 * come from files that named fewer variants.
 * @param variants in their order; their cells are replaced
 * @returns the rows that are left
 */
export function moveCellsToVariants(rows: Cells[], variants: { file_cells: Cells }[]): Cells[] {
  const left = rows.map((cells) => ({ ...cells }));
  const move = (index: number, name: string) => {
    const variant = variants[index]!;
    variant.file_cells = { [name]: left[index]![name]!, ...variant.file_cells };
    delete left[index]![name];
  };
  for (const index of left.keys()) {
    if (index === 0 || index >= variants.length) continue;
    for (const name of Object.keys(left[index]!)) if (!describesProduct(name)) move(index, name);
  }
  const ofFurther = new Set(variants.slice(1).flatMap(({ file_cells }) => Object.keys(file_cells)));
  for (const name of Object.keys(left[0] ?? {})) {
    if (ofFurther.has(name) && !describesProduct(name)) move(0, name);
  }
  while (left.length > 0 && Object.keys(left.at(-1)!).length === 0) left.pop();
  return left;
}

/** SQL on `products`: the file's rows without the cells of columns that were changed elsewhere since. */
export function rowsWithout(columns: string[]): RawBuilder<string> {
  return sql`(select coalesce(jsonb_agg(kept.cells - ${columns}::text[] order by kept.place), '[]')
    from jsonb_array_elements(file_rows) with ordinality as kept (cells, place))`;
}

export function isSameRows(one: Cells[], other: Cells[]): boolean {
  const length = Math.max(one.length, other.length);
  return Array.from({ length }).every((_, index) => isSameCells(one[index] ?? {}, other[index] ?? {}));
}

export function isSameCells(one: Cells, other: Cells): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

function omit(cells: Cells, names: string[]): Cells {
  return Object.fromEntries(Object.entries(cells).filter(([name]) => !names.includes(name)));
}
