// The columns of Shopify's product file: their names, what each describes, and the default cells.
import {
  describesProduct,
  type FileColumn,
  factColumns,
  optionNameColumns,
  productColumns,
} from '../../origin/catalog/change/product-draft.ts';

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

/** The shop's own column, written only if a variant is archived. */
export const archivedColumn = 'Variant Archived';

type FactColumn = (typeof factColumns)[number];

export type Column = (typeof columns)[number] | typeof archivedColumn | FactColumn;

export { factColumns, optionNameColumns, productColumns };
export const optionValueColumns = ['Option1 Value', 'Option2 Value', 'Option3 Value'] as const;

/** The columns of variants for which the shop has fields. For all others it keeps the cells. */
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

/** For kept columns, the cells of products that no file has described. */
export const defaultCells: Record<string, string> = {
  'Gift Card': 'false',
  'Variant Fulfillment Service': 'manual',
  'Variant Requires Shipping': 'true',
  'Variant Taxable': 'true',
};

/** The names that newer exports use for the same columns, and others that people write. */
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

/** @returns the column that a heading means, or the heading itself if the shop does not know it */
export function columnOf(heading: string): string {
  const name = heading.trim().toLowerCase();
  return byLowerCase.get(name) ?? otherNames[name] ?? heading.trim();
}

/**
 * Whether an export always writes the column, or writes it depending on the products. Other columns are written because
 * a file had them.
 */
export function isKnownColumn(name: string): name is Column {
  return !(factColumns as string[]).includes(name) && byLowerCase.get(name.toLowerCase()) === name;
}

/** @returns undefined for columns of pictures and the handle, whose cells are not kept */
export function describeColumn(name: string): FileColumn | undefined {
  if (imageColumns.includes(name)) return undefined;
  if (/^(variant |option\d value$|cost per item$|unit price |(price|compare[ -]at price) \/ )/i.test(name))
    return { name, of: 'variant' };
  return { name, of: describesProduct(name) ? 'product' : 'either' };
}
