// A product as a file or the demo catalog describes it, before it has ids. `saveProducts` stores it; undefined means
// unchanged.

import type { FactsPatch } from '../product-facts.ts';

/** A file's cells by heading, as they stand there. */
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

export interface CategoryName {
  slug: string;
  name: string;
}

/** From the top of the tree down. Missing categories are created. */
export type CategoryPath = [CategoryName, ...CategoryName[]];

/** Chooses a category from the product's type and tags after the change. */
export type CategoryChoice = (productType: string, tags: string[]) => CategoryPath;

/** A remark for the person who imports the file. */
export interface ImportNotice {
  line: number | undefined;
  reason: string;
  /** Whether the row, or part of it, could not be taken. */
  isFault: boolean;
}
