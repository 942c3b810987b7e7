// The draft of a product, and the cells of a product file that the shop has no column for.

import { type RawBuilder, sql } from 'kysely';
import { allFacts, type FactsPatch, factNames } from '../product-facts.ts';

/**
 * A product as a file or the demo catalog describes it, before it has ids. `saveProducts` stores it;
 * undefined means unchanged. A file's cells by heading, as they stand there.
 */
export type Cells = Record<string, string>;

export interface PartialVariant {
  /** Never empty. Undefined: the file states no SKU. */
  sku?: string | undefined;
  /** The SKU's cell is empty, so one was made from handle and options. It does not identify an existing variant. */
  skuIsMade?: boolean | undefined;
  /** One value for each of the product's option names. */
  optionValues?: string[] | undefined;
  /** Minor units. */
  priceAmount?: number | undefined;
  /** Whole pieces; below 0: sold beyond the stock. Null: the number is unknown, so stock is not counted. */
  available?: number | null | undefined;
  /** Whether stock is counted at all. */
  stockTracked?: boolean | undefined;
  sellsBeyondStock?: boolean | undefined;
  /** Must be one of the product's pictures; null: none. */
  imageUrl?: string | null | undefined;
  isArchived?: boolean | undefined;
  /** Cells of its row that the shop has no column for, or that the shop would write in another way. */
  cells?: Cells | undefined;
  /** Line of the file, for the import report. */
  line?: number | undefined;
}

export interface PartialProduct {
  slug: string;
  /** Slug of an existing product that this draft renames to `slug`. */
  formerSlug?: string | undefined;
  /** A new product needs it. */
  name?: string | undefined;
  /** Sanitised. */
  descriptionHtml?: string | undefined;
  brand?: string | undefined;
  category?: CategoryPath | CategoryChoice | undefined;
  productType?: string | undefined;
  tags?: string[] | undefined;
  optionNames?: string[] | undefined;
  /** Absent facts stay; an empty text removes one. */
  facts?: FactsPatch | undefined;
  status?: Lifecycle | undefined;
  /** Whether it is on sale while it is active. */
  published?: boolean | undefined;
  /** In the file's order. Existing variants that are not named stay. */
  variants: PartialVariant[];
  images?: ImageDraft[] | undefined;
  file?: FileCells | undefined;
  /** Line of the file, for the import report. */
  line?: number | undefined;
}

/** A draft with every member, such as those of the demo catalog. */
export interface ProductDraft extends PartialProduct {
  name: string;
  descriptionHtml: string;
  brand: string;
  category: CategoryPath;
  productType: string;
  tags: string[];
  optionNames: string[];
  variants: VariantDraft[];
  images: { url: string; alt: string }[];
}

export interface VariantDraft extends PartialVariant {
  sku: string;
  /** Size and colour as the option values state them. */
  size: string;
  color: string;
  optionValues: string[];
  priceAmount: number;
  available: number;
}

/** Cells and columns of a file that the shop has no columns for. */
export interface FileCells {
  columns: FileColumn[];
  /** One object a row of the product: cells that describe no variant. */
  rows: Cells[];
}

export interface FileColumn {
  name: string;
  /** `either`: the column's values decide whether it describes variants or the product. */
  of: 'product' | 'variant' | 'either';
}

export interface ImageDraft {
  url: string;
  /** Undefined: the text stays. */
  alt?: string | undefined;
}

export type Lifecycle = 'active' | 'draft' | 'archived';

interface CategoryName {
  slug: string;
  name: string;
}

/** From the top of the tree down. Missing categories are created. */
export type CategoryPath = [CategoryName, ...CategoryName[]];

/** Chooses a category from the product's type and tags after the change. */
type CategoryChoice = (productType: string, tags: string[]) => CategoryPath;

/** A remark for the person who imports the file. */
export interface ImportNotice {
  line: number | undefined;
  reason: string;
  /** Whether the row, or part of it, could not be taken. */
  isFault: boolean;
}

/**
 * Keeps the cells of a product file that the shop has no column for: with the variant of their row, else with
 * the product.
 */
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

/** Cells of product columns in the first variant's row belong to the product's first row. */
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
