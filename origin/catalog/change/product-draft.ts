// A product as a file or the demo catalog describes it, before it has ids. `saveProducts` stores it; undefined means
// unchanged.

import type { FactsPatch } from '../product-facts.ts';

/** A file's cells by heading, as they stand there. */
export type Cells = Record<string, string>;

export interface PartialVariant {
  /** Never empty. Undefined: the file does not say. */
  sku?: string | undefined;
  /** The file has an empty SKU here: one is made of handle and options, which says nothing of which variant this is. */
  skuIsMade?: boolean | undefined;
  /** One a name in the product's option names. */
  optionValues?: string[] | undefined;
  /** Minor units. */
  priceAmount?: number | undefined;
  /** Whole pieces; below 0: sold beyond the stock. Null: nobody knows, so that none are counted. */
  available?: number | null | undefined;
  /** Whether stock is counted at all. */
  stockTracked?: boolean | undefined;
  sellsBeyondStock?: boolean | undefined;
  /** One of the product's pictures; null: none. */
  imageUrl?: string | null | undefined;
  isArchived?: boolean | undefined;
  /** Of its row: what the shop has no column for, and what is written otherwise than the shop would. */
  cells?: Cells | undefined;
  /** Line of the file, for the import report. */
  line?: number | undefined;
}

export interface PartialProduct {
  slug: string;
  /** Where a product of `slug` does not exist: the address under which this one is known. */
  formerSlug?: string | undefined;
  /** Needed of a new product. */
  name?: string | undefined;
  /** Sanitised. */
  descriptionHtml?: string | undefined;
  brand?: string | undefined;
  category?: CategoryPath | CategoryChoice | undefined;
  productType?: string | undefined;
  tags?: string[] | undefined;
  optionNames?: string[] | undefined;
  /** What is absent stays; an empty text takes one away. */
  facts?: FactsPatch | undefined;
  status?: Lifecycle | undefined;
  /** Whether it is on sale while it is active. */
  published?: boolean | undefined;
  /** In their order. What exists and is not named stays. */
  variants: PartialVariant[];
  images?: ImageDraft[] | undefined;
  file?: FileCells | undefined;
  /** Line of the file, for the import report. */
  line?: number | undefined;
}

/** A draft that states everything, as those of the demo catalog do. */
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
  /** Its labels, as the option values say. */
  size: string;
  color: string;
  optionValues: string[];
  priceAmount: number;
  available: number;
}

/** What a file says beyond the shop's own columns. */
export interface FileCells {
  columns: FileColumn[];
  /** By row of the product: cells of rows that describe no variant. */
  rows: Cells[];
}

export interface FileColumn {
  name: string;
  /** `either`: only its values tell whether it describes each variant or the product. */
  of: 'product' | 'variant' | 'either';
}

export interface ImageDraft {
  url: string;
  /** Undefined: as it was. */
  alt?: string | undefined;
}

export type Lifecycle = 'active' | 'draft' | 'archived';

export interface CategoryName {
  slug: string;
  name: string;
}

/** From the top of the tree down; what does not exist is made. */
export type CategoryPath = [CategoryName, ...CategoryName[]];

/** By the type and the tags that the product then has. */
export type CategoryChoice = (productType: string, tags: string[]) => CategoryPath;

/** Something that whoever brought the file should know. */
export interface ImportNotice {
  line: number | undefined;
  reason: string;
  /** Whether the row, or part of it, could not be taken. */
  isFault: boolean;
}
