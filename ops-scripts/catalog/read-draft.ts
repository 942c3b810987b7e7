// Turns the rows of one product into a draft. Reports what it cannot read by line, and keeps the rest of the product.
import type {
  Cells,
  FileCells,
  FileColumn,
  PartialProduct,
  PartialVariant,
} from '../../origin/catalog/change/product-draft.ts';
import { type FactsPatch, longestFact } from '../../origin/catalog/product-facts.ts';
import { isSlug } from '../../origin/catalog/tags.ts';
import {
  canonicalProductCell,
  canonicalVariantCell,
  factOf,
  fillOptionName,
  fillOptionValue,
  isWorthKeeping,
  isYes,
  type ProductColumn,
  readAmount,
  readFact,
  readOptionValue,
  readPolicy,
  readStatus,
  readStock,
  readTags,
  type VariantColumn,
} from './cells.ts';
import {
  archivedColumn,
  defaultCells,
  describeColumn,
  factColumns,
  optionNameColumns,
  optionValueColumns,
  productColumns,
  variantColumns,
} from './columns.ts';
import { chooseCategory, isPicture, type ProductRows, readImages } from './gather-products.ts';
import type { FileRow, RowListener } from './product-file.ts';
import { sanitizeDescription } from './sanitize-description.ts';

type Listener = Pick<RowListener, 'onFault' | 'onNote'>;

/** The most letters of a title, brand, type, tag or option, as Shopify allows. */
const longestLabel = 255;
const mostTags = 250;

/** @returns undefined if nothing of it can be used, after reporting at least one fault */
export function readDraft(product: ProductRows, listener: Listener): PartialProduct | undefined {
  const first = product.rows[0]!;
  const { heading, line } = first;
  const refusal = whyNot(product.handle, first);
  if (refusal !== undefined) {
    listener.onFault({ line, reason: refusal });
    return undefined;
  }
  const columns = heading.columns.map(describeColumn).filter((column) => column !== undefined);
  const optionNames = readOptionNames(product.rows);
  const variants = readVariants(product, optionNames, columns, listener);
  return {
    slug: product.handle,
    line,
    name: given(first, 'Title'),
    descriptionHtml: readDescription(first, listener),
    brand: given(first, 'Vendor'),
    category: (type, tags) => chooseCategory(type, tags),
    productType: given(first, 'Type'),
    tags: readOwnTags(first, listener),
    optionNames: heading.has('Option1 Name') ? optionNames : undefined,
    status: readOwnStatus(first, listener),
    facts: readFacts(first, listener),
    published: readPublished(first, listener),
    variants: variants.drafts,
    images: readImages(product.rows, listener),
    file: {
      columns,
      rows: readFileRows(product.rows, { variants, columns, optionNames: optionNames ?? [] }, listener),
    },
  };
}

function whyNot(handle: string, first: FileRow): string | undefined {
  if (!isSlug(handle)) return 'has a Handle with other characters than letters, digits and hyphens';
  if (first.heading.has('Title') && first.get('Title') === '') return 'has no Title';
  for (const column of ['Title', 'Vendor', 'Type'] as const) {
    if (isTooLong(first.get(column))) return `has a ${column} of more than ${longestLabel} characters`;
  }
  return undefined;
}

function isTooLong(label: string): boolean {
  return label.length > longestLabel && [...label].length > longestLabel;
}

function given(row: FileRow, column: 'Title' | 'Vendor' | 'Type'): string | undefined {
  return row.heading.has(column) ? row.get(column) : undefined;
}

function readDescription(first: FileRow, { onNote }: Listener): string | undefined {
  if (!first.heading.has('Body (HTML)')) return undefined;
  const { html, leftOut } = sanitizeDescription(first.get('Body (HTML)'));
  if (leftOut.length > 0) {
    onNote({ line: first.line, reason: `has a Body (HTML) of which pages leave out: ${leftOut.join(', ')}` });
  }
  return html;
}

function readOwnTags(first: FileRow, { onFault }: Listener): string[] | undefined {
  if (!first.heading.has('Tags')) return undefined;
  const tags = readTags(first.get('Tags'));
  const short = tags.filter((tag) => !isTooLong(tag));
  if (short.length < tags.length)
    onFault({
      line: first.line,
      reason: `has a tag of more than ${longestLabel} characters, which is left out`,
    });
  if (short.length > mostTags)
    onFault({ line: first.line, reason: `has more than ${mostTags} tags; the others are left out` });
  return short.slice(0, mostTags);
}

/** Reads the facts for which the file has columns. An empty cell removes a fact. */
function readFacts(first: FileRow, { onFault }: Listener): FactsPatch {
  const facts: FactsPatch = {};
  for (const column of factColumns) {
    if (!first.heading.has(column)) continue;
    const fact = readFact(first.raw(column) ?? '');
    if (fact.length <= longestFact) facts[factOf(column)!] = fact;
    else onFault({ line: first.line, reason: `has a ${column} of more than ${longestFact} characters` });
  }
  return facts;
}

function readOwnStatus(first: FileRow, { onNote }: Listener) {
  if (!first.heading.has('Status')) return undefined;
  const status = readStatus(first.get('Status'));
  if (status === undefined)
    onNote({
      line: first.line,
      reason: `has a Status that is not known: '${first.get('Status').slice(0, 30)}'; it is a draft`,
    });
  return status ?? 'draft';
}

/** An empty cell publishes, as in Shopify's own import. */
function readPublished(first: FileRow, { onNote }: Listener): boolean | undefined {
  if (!first.heading.has('Published')) return undefined;
  const text = first.get('Published');
  if (text === '' || isYes(text)) return true;
  onNote({ line: first.line, reason: `is not published: Published is '${text.slice(0, 30)}'` });
  return false;
}

/** @returns undefined if the file has no options at all */
function readOptionNames(rows: FileRow[]): string[] | undefined {
  const { heading } = rows[0]!;
  if (!heading.has('Option1 Name') && !heading.has('Option1 Value')) return undefined;
  const named = rows.find((row) => row.get('Option1 Name') !== '') ?? rows[0]!;
  const names = optionNameColumns.map((column) => readOptionValue(named.get(column)));
  const last = names.findLastIndex(
    (name, index) => name !== '' || rows.some((row) => row.get(optionValueColumns[index]!) !== ''),
  );
  const isTitleOnly =
    last <= 0 &&
    names[0] === '' &&
    rows.every((row) => ['', 'Default Title'].includes(readOptionValue(row.get('Option1 Value'))));
  if (isTitleOnly) return ['Title'];
  const used = names.slice(0, last + 1);
  return used.map((name, index) => fillOptionName(name, index, used));
}

interface ReadVariants {
  drafts: PartialVariant[];
  /** The rows that describe variants, including those that were refused. */
  rows: Set<FileRow>;
  /** The rows of the drafts. */
  taken: FileRow[];
}

function readVariants(
  product: ProductRows,
  optionNames: string[] | undefined,
  columns: FileColumn[],
  { onFault, onNote }: Listener,
): ReadVariants {
  const read: ReadVariants = { drafts: [], rows: new Set(), taken: [] };
  const byOptions = new Map<string, PartialVariant>();
  const bySkuAndOptions = new Map<string, PartialVariant>();
  for (const row of product.rows) {
    if (!isVariantRow(row, product.rows[0]!, columns)) continue;
    read.rows.add(row);
    const draft = readVariant(product.handle, row, optionNames, columns);
    if (typeof draft === 'string') {
      onFault({ line: row.line, reason: draft });
      continue;
    }
    const same = bySkuAndOptions.get(`${draft.sku ?? ''}\n${optionsOf(draft)}`);
    if (same !== undefined) {
      onFault({ line: row.line, reason: `has the same options as line ${same.line}` });
      continue;
    }
    bySkuAndOptions.set(`${draft.sku ?? ''}\n${optionsOf(draft)}`, draft);
    // With another SKU it is another variant, even if its options are the same.
    const twin = byOptions.get(optionsOf(draft));
    if (twin === undefined) byOptions.set(optionsOf(draft), draft);
    else if (draft.optionValues !== undefined)
      onNote({ line: row.line, reason: `has the same options as line ${twin.line}` });
    tellVariant(row, onFault, onNote);
    read.drafts.push(draft);
    read.taken.push(row);
  }
  return read;
}

function optionsOf({ optionValues = [] }: PartialVariant): string {
  return optionValues.join('\n');
}

/** Reports values that are read differently from what the cell says. */
function tellVariant(row: FileRow, onFault: Listener['onFault'], onNote: Listener['onNote']): void {
  const policy = row.get('Variant Inventory Policy');
  if (!readPolicy(policy).isKnown) {
    const reason = `has a Variant Inventory Policy that is not known: '${policy.slice(0, 30)}'; it is taken for 'deny'`;
    onNote({ line: row.line, reason });
  }
  const picture = row.get('Variant Image');
  if (picture !== '' && !isPicture(picture))
    onFault({ line: row.line, reason: 'has a Variant Image that is no https address' });
}

/**
 * Rows of further pictures have neither option nor price. In a file without such columns, the first row is the variant,
 * which the handle names.
 */
function isVariantRow(row: FileRow, first: FileRow, columns: FileColumn[]): boolean {
  const naming = ['Option1 Value', 'Option2 Value', 'Variant SKU', 'Variant Price'] as const;
  const { heading } = row;
  if (naming.some((column) => heading.has(column)))
    return [...naming, 'Variant Inventory Qty' as const].some((column) => row.get(column) !== '');
  return row === first && columns.some(({ of }) => of === 'variant');
}

/** @returns the reason if it cannot be sold */
function readVariant(
  handle: string,
  row: FileRow,
  optionNames: string[] | undefined,
  columns: FileColumn[],
): PartialVariant | string {
  const { heading, line } = row;
  const priceAmount = heading.has('Variant Price') ? readAmount(row.get('Variant Price')) : undefined;
  if (typeof priceAmount === 'string') return priceAmount;
  const available = heading.has('Variant Inventory Qty')
    ? readStock(row.get('Variant Inventory Qty'))
    : undefined;
  if (typeof available === 'string') return available;
  const optionValues = readOptionValues(row, optionNames);
  if (optionValues?.some(isTooLong)) return `has an option of more than ${longestLabel} characters`;
  const sku = row.get('Variant SKU');
  if (isTooLong(sku)) return `has a Variant SKU of more than ${longestLabel} characters`;
  return {
    line,
    ...(heading.has('Variant SKU') ? (sku === '' ? { skuIsMade: true } : { sku }) : {}),
    optionValues,
    priceAmount,
    available,
    stockTracked: heading.has('Variant Inventory Tracker')
      ? row.get('Variant Inventory Tracker') !== ''
      : undefined,
    sellsBeyondStock: heading.has('Variant Inventory Policy')
      ? readPolicy(row.get('Variant Inventory Policy')).sellsBeyondStock
      : undefined,
    imageUrl: readPicture(row),
    isArchived: heading.has(archivedColumn) ? isYes(row.get(archivedColumn)) : undefined,
    cells: readVariantCells(row, columns, handle, optionValues),
  };
}

function readOptionValues(row: FileRow, optionNames: string[] | undefined): string[] | undefined {
  if (!row.heading.has('Option1 Value')) return undefined;
  return optionNames?.map((_, index) =>
    fillOptionValue(readOptionValue(row.get(optionValueColumns[index]!)), index),
  );
}

function readPicture(row: FileRow): string | null | undefined {
  if (!row.heading.has('Variant Image')) return undefined;
  const url = row.get('Variant Image');
  return isPicture(url) ? url : null;
}

/** Cells for which the shop has no column, and cells in another spelling than the shop's. */
function readVariantCells(
  row: FileRow,
  columns: FileColumn[],
  slug: string,
  optionValues: string[] | undefined,
): Cells {
  const cells: Cells = {};
  for (const { name, of } of columns) {
    const raw = row.raw(name)!;
    if (of === 'product') continue;
    const isOwn = (variantColumns as readonly string[]).includes(name);
    const expected = isOwn
      ? canonicalVariantCell(name as VariantColumn, raw, { slug, optionValues })
      : (defaultCells[name] ?? '');
    if (raw !== expected && isWorthKeeping(name, raw)) cells[name] = raw;
  }
  return cells;
}

/**
 * The cells to keep, in the order of an export's rows: those of the first row, those that rows of variants repeat, and
 * those of rows without a variant.
 */
function readFileRows(
  rows: FileRow[],
  {
    variants,
    columns,
    optionNames,
  }: { variants: ReadVariants; columns: FileColumn[]; optionNames: string[] },
  { onNote }: Listener,
): FileCells['rows'] {
  const first = rows[0]!;
  const taken = new Map(
    productColumns.map((column, index) => {
      const place = optionNameColumns.indexOf(column as (typeof optionNameColumns)[number]);
      const meant = () => canonicalProductCell(productColumns[index]!, first.raw(column) ?? '', optionNames);
      return [column as string, place < 0 ? meant() : (optionNames[place] ?? '')];
    }),
  );
  const cellsOf = (row: FileRow): Cells => {
    const cells: Cells = {};
    for (const { name, of } of columns) {
      const raw = row.raw(name)!;
      if (of !== 'product' && variants.rows.has(row)) continue;
      const meant = taken.get(name);
      if (meant === undefined) {
        if (of === 'variant') {
          if (raw !== '') onNote({ line: row.line, reason: `describes no variant; its ${name} is left out` });
        } else if (raw !== (row === first ? (defaultCells[name] ?? '') : '')) cells[name] = raw;
      } else if (raw !== (row === first ? meant : '')) {
        // A cell is only kept if it means the same as the first row.
        if (canonicalProductCell(name as ProductColumn, raw, optionNames) === meant) cells[name] = raw;
        else if (row !== first)
          onNote({
            line: row.line,
            reason: `has another ${name} than line ${first.line}, which is left out`,
          });
      }
    }
    return cells;
  };
  const [ofFirst = {}, ...ofVariants] = [first, ...variants.taken.filter((row) => row !== first)].map(
    cellsOf,
  );
  if (!variants.taken.includes(first) && variants.taken.length > 0) ofVariants.shift();
  const others = rows.filter((row) => row !== first && !variants.rows.has(row)).map(cellsOf);
  return [ofFirst, ...ofVariants, ...others];
}
