// The columns of Shopify's product file: names, what each describes, and the value of an empty shop.
import {
  describesProduct,
  factColumns,
  optionNameColumns,
  productColumns,
} from '../../origin/catalog/change/merge-file-cells.ts';
import type { FileColumn } from '../../origin/catalog/change/product-draft.ts';

/** In the order in which Shopify writes them. */
export const columns = [
  'Handle',
  'Title',
  'Body (HTML)',
  'Vendor',
  'Type',
  'Tags',
  'Published',
  'Option1 Name',
  'Option1 Value',
  'Option2 Name',
  'Option2 Value',
  'Option3 Name',
  'Option3 Value',
  'Variant SKU',
  'Variant Grams',
  'Variant Inventory Tracker',
  'Variant Inventory Qty',
  'Variant Inventory Policy',
  'Variant Fulfillment Service',
  'Variant Price',
  'Variant Compare At Price',
  'Variant Requires Shipping',
  'Variant Taxable',
  'Variant Barcode',
  'Image Src',
  'Image Position',
  'Image Alt Text',
  'Gift Card',
  'SEO Title',
  'SEO Description',
  'Variant Image',
  'Variant Weight Unit',
  'Status',
] as const;

/** The shop's own, written only where a variant is archived. */
export const archivedColumn = 'Variant Archived';

type FactColumn = (typeof factColumns)[number];

export type Column = (typeof columns)[number] | typeof archivedColumn | FactColumn;

export { factColumns, optionNameColumns, productColumns };
export const optionValueColumns = ['Option1 Value', 'Option2 Value', 'Option3 Value'] as const;

/** What the shop has fields of a variant for; of all others it keeps the cells. */
export const variantColumns = [
  ...optionValueColumns,
  'Variant SKU',
  'Variant Inventory Tracker',
  'Variant Inventory Qty',
  'Variant Inventory Policy',
  'Variant Price',
  'Variant Image',
  archivedColumn,
] as const;
const imageColumns = ['Handle', 'Image Src', 'Image Position', 'Image Alt Text'];

/** Of columns whose cells are kept: what stands there where no file said anything. */
export const defaultCells: Record<string, string> = {
  'Gift Card': 'false',
  'Variant Fulfillment Service': 'manual',
  'Variant Requires Shipping': 'true',
  'Variant Taxable': 'true',
};

/** Names that newer exports give to the same columns, and others that people write. */
const otherNames: Record<string, Column> = {
  'url handle': 'Handle',
  description: 'Body (HTML)',
  'published on online store': 'Published',
  sku: 'Variant SKU',
  price: 'Variant Price',
  'compare-at price': 'Variant Compare At Price',
  barcode: 'Variant Barcode',
  'charge tax': 'Variant Taxable',
  'inventory tracker': 'Variant Inventory Tracker',
  'inventory quantity': 'Variant Inventory Qty',
  'continue selling when out of stock': 'Variant Inventory Policy',
  'weight value (grams)': 'Variant Grams',
  'weight unit for display': 'Variant Weight Unit',
  'requires shipping': 'Variant Requires Shipping',
  'fulfillment service': 'Variant Fulfillment Service',
  'product image url': 'Image Src',
  'variant image url': 'Variant Image',
};

const byLowerCase = new Map<string, Column>(
  [...columns, archivedColumn, ...factColumns].map((column): [string, Column] => [
    column.toLowerCase(),
    column as Column,
  ]),
);

/** @returns the column that a heading means; its own words where the shop knows none */
export function columnOf(heading: string): string {
  const name = heading.trim().toLowerCase();
  return byLowerCase.get(name) ?? otherNames[name] ?? heading.trim();
}

/** Those that an export always writes, or by what products have; others it writes because a file brought them. */
export function isKnownColumn(name: string): name is Column {
  return !(factColumns as string[]).includes(name) && byLowerCase.get(name.toLowerCase()) === name;
}

/** @returns undefined for what is read into pictures or names the product, of which no cells are kept */
export function describeColumn(name: string): FileColumn | undefined {
  if (imageColumns.includes(name)) return undefined;
  if (/^(variant |option\d value$|cost per item$|unit price |(price|compare[ -]at price) \/ )/i.test(name))
    return { name, of: 'variant' };
  return { name, of: describesProduct(name) ? 'product' : 'either' };
}
