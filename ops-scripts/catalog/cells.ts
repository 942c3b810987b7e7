// Parses cells of a product file and writes them as the shop would.
// A cell in another spelling is exported unchanged while it still means the same.
import { makeSku } from '../../origin/catalog/change/match-variants.ts';
import type { Lifecycle } from '../../origin/catalog/change/product-draft.ts';
import type { ExportedProduct, ExportedVariant } from '../../origin/catalog/export-products.ts';
import { allFacts, type FactName, factNames } from '../../origin/catalog/product-facts.ts';
import {
  optionNameColumns,
  optionValueColumns,
  type productColumns,
  type variantColumns,
} from './columns.ts';
import { isPicture } from './gather-products.ts';
import { cleanCell } from './product-file.ts';
import { sanitizeDescription } from './sanitize-description.ts';

export type ProductColumn = (typeof productColumns)[number];
export type VariantColumn = (typeof variantColumns)[number];

/** The words for yes of people and spreadsheets. Any other value of a cell means no. */
const yes = new Set(
  'true yes y 1 on x published wahr ja j vrai oui verdadero si sí vero verdadeiro sim waar prawda tak sand sandt sant tosi истина да'.split(
    ' ',
  ),
);

export function isYes(text: string): boolean {
  return yes.has(cleanCell(text).toLowerCase());
}

export const defaultOption = 'Default Title';

/** @returns undefined for a word that is not one of Shopify's */
export function readStatus(text: string): Lifecycle | undefined {
  const status = cleanCell(text).toLowerCase();
  if (status === '' || status === 'active') return 'active';
  return status === 'draft' || status === 'archived' ? status : undefined;
}

export function readTags(text: string): string[] {
  return cleanCell(text)
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}

export function readOptionValue(text: string): string {
  return cleanCell(text).replace(/\s+/g, ' ');
}

export function readPolicy(text: string): { sellsBeyondStock: boolean; isKnown: boolean } {
  const policy = cleanCell(text).toLowerCase();
  const sellsBeyondStock = policy === 'continue' || isYes(policy);
  return { sellsBeyondStock, isKnown: sellsBeyondStock || /^(|deny|false|no|0)$/.test(policy) };
}

const maxAmount = 2_147_483_647;

/** Converts to minor units digit by digit, without floating point. @returns the reason if it is not a price */
export function readAmount(text: string): number | string {
  const amountText = cleanCell(text);
  if (amountText === '') return 'has no Variant Price';
  const match = /^(\d{1,9})(?:\.(\d{1,2})0*|,(\d{2}))?$/.exec(amountText);
  if (match === null) return `has a Variant Price that is no amount: '${amountText.slice(0, 30)}'`;
  const amount = Number(match[1]) * 100 + Number((match[2] ?? match[3] ?? '').padEnd(2, '0'));
  return amount <= maxAmount ? amount : 'has a Variant Price above 21,474,836.47';
}

const mostPieces = 10_000_000;

/** Empty: not known. Below 0: sold beyond the stock. @returns the reason if it is not a number */
export function readStock(text: string): number | null | string {
  const stock = cleanCell(text);
  if (stock === '') return null;
  const match = /^(-?\d{1,9})(?:\.0+)?$/.exec(stock);
  if (match === null) return `has a Variant Inventory Qty that is no whole number: '${stock.slice(0, 30)}'`;
  const pieces = Number(match[1]) || 0;
  return Math.abs(pieces) <= mostPieces ? pieces : 'has a Variant Inventory Qty beyond 10,000,000';
}

/** A single option named `Title` is Shopify's way to say that there is no choice. */
export function fillOptionName(name: string, index: number, names: string[]): string {
  if (name !== '' || index >= names.length) return name;
  return index === 0 && names.length === 1 && names[0] === 'Title' ? 'Title' : `Option ${index + 1}`;
}

/** Writes the meaning of a cell as the shop would. */
export function canonicalProductCell(column: ProductColumn, raw: string, optionNames: string[]): string {
  switch (column) {
    case 'Title':
    case 'Vendor':
    case 'Type':
      return cleanCell(raw);
    case 'Body (HTML)':
      return sanitizeDescription(cleanCell(raw)).html;
    case 'Tags':
      return readTags(raw).join(', ');
    case 'Published':
      return String(cleanCell(raw) === '' || isYes(raw));
    case 'Status':
      return readStatus(raw) ?? 'draft';
    default:
      return isOptionName(column)
        ? fillOptionName(readOptionValue(raw), optionNameColumns.indexOf(column), optionNames)
        : readFact(raw);
  }
}

export function writeProductCell(column: ProductColumn, product: ExportedProduct): string {
  switch (column) {
    case 'Title':
      return product.name;
    case 'Vendor':
      return product.brand;
    case 'Type':
      return product.productType;
    case 'Body (HTML)':
      return product.descriptionHtml;
    case 'Tags':
      return product.tags.join(', ');
    case 'Published':
      return String(product.status === 'active' || (product.status !== 'hidden' && product.published));
    case 'Status':
      return product.status === 'hidden' ? 'active' : product.status;
    default:
      return isOptionName(column)
        ? (product.optionNames[optionNameColumns.indexOf(column)] ?? '')
        : (product.facts[factOf(column)!] ?? '');
  }
}

type OptionNameColumn = (typeof optionNameColumns)[number];

function isOptionName(column: ProductColumn): column is OptionNameColumn {
  return (optionNameColumns as readonly string[]).includes(column);
}

/** @returns undefined if the column is not a fact */
export function factOf(column: string): FactName | undefined {
  return allFacts.find((name) => factNames[name].column === column);
}

/** Reads a fact, which may have several lines. */
export function readFact(text: string): string {
  return cleanCell(text).replaceAll(/\r\n?/g, '\n').trim();
}

interface OfVariant {
  slug: string;
  optionValues: string[] | undefined;
}

export function canonicalVariantCell(column: VariantColumn, raw: string, of: OfVariant): string {
  switch (column) {
    case 'Variant SKU':
      return skuCell(cleanCell(raw), of);
    case 'Variant Inventory Tracker':
      return cleanCell(raw) === '' ? '' : 'shopify';
    case 'Variant Inventory Qty':
      return String(readStock(raw) ?? '');
    case 'Variant Inventory Policy':
      return readPolicy(raw).sellsBeyondStock ? 'continue' : 'deny';
    case 'Variant Price': {
      const amount = readAmount(raw);
      return typeof amount === 'string' ? '' : formatAmount(amount);
    }
    case 'Variant Image':
      return isPicture(cleanCell(raw)) ? cleanCell(raw) : '';
    case 'Variant Archived':
      return isYes(raw) ? 'true' : '';
    default:
      return fillOptionValue(readOptionValue(raw), optionValueColumns.indexOf(column));
  }
}

export function writeVariantCell(column: VariantColumn, slug: string, variant: ExportedVariant): string {
  switch (column) {
    case 'Variant SKU':
      return skuCell(variant.sku, { slug, optionValues: variant.optionValues });
    case 'Variant Inventory Tracker':
      return variant.stockTracked ? 'shopify' : '';
    case 'Variant Inventory Qty':
      return variant.stockStated ? String(variant.available - variant.backordered) : '';
    case 'Variant Inventory Policy':
      return variant.sellsBeyondStock ? 'continue' : 'deny';
    case 'Variant Price':
      return formatAmount(variant.priceAmount);
    case 'Variant Image':
      return variant.imageUrl ?? '';
    case 'Variant Archived':
      return variant.isArchived ? 'true' : '';
    default:
      return variant.optionValues[optionValueColumns.indexOf(column)] ?? '';
  }
}

export function fillOptionValue(value: string, index: number): string {
  return value === '' && index === 0 ? defaultOption : value;
}

/** A SKU that the shop generated is written as an empty cell. */
function skuCell(sku: string, { slug, optionValues }: OfVariant): string {
  return optionValues !== undefined && sku === makeSku(slug, optionValues) ? '' : sku;
}

function formatAmount(amount: number): string {
  return `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, '0')}`;
}

/**
 * Whether the original cell may be exported. A cell that was not accepted, or that other importers would not
 * understand, is written as Shopify writes it.
 */
export function isWorthKeeping(column: string, raw: string): boolean {
  if (column === 'Variant Price') return !raw.includes(',');
  if (column === 'Variant Image') return isPicture(cleanCell(raw));
  return column !== 'Variant Inventory Policy' || /^(|deny|continue)$/i.test(cleanCell(raw));
}
