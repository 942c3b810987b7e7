// The rows of one product become a draft; what cannot be understood is told by line, and the rest of the product is kept.
import type { ProductDraft, VariantDraft } from '../../origin/catalog/change/product-draft.ts';
import { isSlug } from '../../origin/catalog/tags.ts';
import { chooseCategory } from './choose-category.ts';
import type { ProductRows } from './gather-products.ts';
import { labelOptions } from './label-options.ts';
import type { FileRow, RowFault } from './product-file.ts';
import { isPicture, readImages } from './read-images.ts';
import { sanitizeDescription } from './sanitize-description.ts';

type OnFault = (fault: RowFault) => void;

/** Characters of a brand, a type or a tag; Shopify's own bound is 255. */
const longestLabel = 100;
const mostTags = 250;

/** @returns undefined where nothing of it can be sold; then at least one fault was told. */
export function readDraft(product: ProductRows, onFault: OnFault): ProductDraft | undefined {
  const first = product.rows[0]!;
  const title = first.get('Title');
  if (!isSlug(product.handle)) {
    onFault({
      line: first.line,
      reason: 'has a Handle with other characters than letters, digits and hyphens',
    });
    return undefined;
  }
  if (title === '') {
    onFault({ line: first.line, reason: 'has no Title' });
    return undefined;
  }
  const optionNames = readOptionNames(product.rows);
  const variants = readVariants(product, optionNames, onFault);
  if (variants.length === 0) {
    onFault({ line: first.line, reason: `leaves '${product.handle}' without a variant that can be sold` });
    return undefined;
  }
  const tags = first
    .get('Tags')
    .split(',')
    .map((tag) => tag.trim().slice(0, longestLabel))
    .filter((tag) => tag !== '')
    .slice(0, mostTags);
  const type = first.get('Type').slice(0, longestLabel);
  return {
    slug: product.handle,
    name: title.slice(0, 200),
    descriptionHtml: sanitizeDescription(first.get('Body (HTML)')),
    brand: first.get('Vendor').slice(0, longestLabel),
    category: chooseCategory(type, tags),
    productType: type,
    tags,
    optionNames,
    status: isPublished(first) ? 'active' : 'archived',
    variants,
    images: readImages(product.rows, title, onFault),
  };
}

/** `Title` alone is Shopify's way to say that there is nothing to choose. */
function readOptionNames(rows: FileRow[]): string[] {
  const named = rows.find((row) => row.get('Option1 Name') !== '') ?? rows[0]!;
  const names = [named.get('Option1 Name'), named.get('Option2 Name'), named.get('Option3 Name')];
  const used = names.filter(
    (name, index) => name !== '' || rows.some((row) => optionValue(row, index) !== ''),
  );
  const complete = used.map((name, index) => name || `Option ${index + 1}`);
  return complete.length === 0 ? ['Title'] : complete;
}

function readVariants(product: ProductRows, optionNames: string[], onFault: OnFault): VariantDraft[] {
  const variants: VariantDraft[] = [];
  const lineOfOptions = new Map<string, number>();
  const lineOfSku = new Map<string, number>();
  for (const row of product.rows) {
    if (!isVariantRow(row)) continue;
    const read = readVariant(product.handle, row, optionNames);
    if (typeof read === 'string') {
      onFault({ line: row.line, reason: read });
      continue;
    }
    const options = `${read.size}\n${read.color}`;
    const twin = lineOfOptions.get(options) ?? lineOfSku.get(read.sku);
    if (twin !== undefined) {
      const what = lineOfOptions.has(options) ? 'options' : 'Variant SKU';
      onFault({ line: row.line, reason: `has the same ${what} as line ${twin}` });
      continue;
    }
    lineOfOptions.set(options, row.line);
    lineOfSku.set(read.sku, row.line);
    variants.push(read);
  }
  return variants;
}

/** Rows of further pictures have neither option nor price. */
function isVariantRow(row: FileRow): boolean {
  return ['Option1 Value', 'Variant SKU', 'Variant Price'].some(
    (column) => row.get(column as 'Variant SKU') !== '',
  );
}

/** @returns the reason where it cannot be sold. */
function readVariant(handle: string, row: FileRow, optionNames: string[]): VariantDraft | string {
  const priceAmount = readAmount(row.get('Variant Price'));
  if (typeof priceAmount === 'string') return priceAmount;
  const available = readStock(row.get('Variant Inventory Qty'));
  if (typeof available === 'string') return available;
  const optionValues = optionNames.map(
    (_, index) => optionValue(row, index) || (index === 0 ? 'Default Title' : ''),
  );
  const { size, color } = labelOptions(optionNames, optionValues);
  if (size.length > 100 || color.length > 100) return 'has an option of more than 100 characters';
  const sku = row.get('Variant SKU') || skuFor(handle, optionValues);
  const imageUrl = row.get('Variant Image');
  return {
    sku,
    size,
    color,
    optionValues,
    priceAmount,
    available,
    ...(isPicture(imageUrl) ? { imageUrl } : {}),
  };
}

function optionValue(row: FileRow, index: number): string {
  const column = (['Option1 Value', 'Option2 Value', 'Option3 Value'] as const)[index]!;
  return row.get(column).replace(/\s+/g, ' ');
}

/** Stays the same from import to import, so that the variant is found again. */
function skuFor(handle: string, optionValues: string[]): string {
  const chosen = optionValues.filter((value) => value !== '' && value !== 'Default Title');
  // What separates them occurs in none, so that no two variants get the same.
  return [handle, ...chosen.map((value) => encodeURIComponent(value).replaceAll('%20', '+'))].join('/');
}

const maxAmount = 2_147_483_647;

/** To minor units by its digits: no floating point comes near a price. */
function readAmount(text: string): number | string {
  if (text === '') return 'has no Variant Price';
  const match = /^(\d{1,9})(?:\.(\d{1,2})0*)?$/.exec(text);
  if (match === null) return `has a Variant Price that is no amount: '${text.slice(0, 30)}'`;
  const amount = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return amount <= maxAmount ? amount : 'has a Variant Price above 21,474,836.47';
}

/** Nothing said is none; Shopify's negative numbers are pieces sold beyond the stock. */
function readStock(text: string): number | string {
  if (text === '') return 0;
  if (!/^-?\d{1,9}$/.test(text))
    return `has a Variant Inventory Qty that is no whole number: '${text.slice(0, 30)}'`;
  return Math.min(Math.max(Number(text), 0), 10_000_000);
}

function isPublished(row: FileRow): boolean {
  const status = row.get('Status').toLowerCase();
  return row.get('Published').toLowerCase() !== 'false' && (status === '' || status === 'active');
}
