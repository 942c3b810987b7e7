// Shopify's product file: its columns, and a stream of its rows, each with the line that it begins on.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parse } from 'csv-parse';

/** In the order in which Shopify writes them; those that the shop has no use for stay empty. */
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
export type Column = (typeof columns)[number];

/** Names that newer exports give to the same columns. */
const otherNames: Record<string, Column> = {
  'url handle': 'Handle',
  description: 'Body (HTML)',
  'published on online store': 'Published',
  sku: 'Variant SKU',
  price: 'Variant Price',
  'inventory quantity': 'Variant Inventory Qty',
  'product image url': 'Image Src',
  'variant image url': 'Variant Image',
};

export interface FileRow {
  /** Of the row's beginning, from 1; the heading is line 1. */
  line: number;
  /** Trimmed; empty where the file has no such column. */
  get(column: Column): string;
}

export interface RowFault {
  line: number;
  reason: string;
}

/** The file as a whole cannot be understood. */
export class FileFault extends Error {}

/** In characters. */
const longestRow = 1_000_000;

interface Parsed {
  record: string[];
  info: { lines: number };
}

/** @throws FileFault where the heading is not that of a product file */
export async function* readRows(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  onFault: (fault: RowFault) => void,
): AsyncGenerator<FileRow> {
  // Where the parser's next row begins; it reads ahead of the loop below.
  let nextLine = 1;
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    // Hand-written files have quotes in the midst of fields.
    relax_quotes: true,
    // Longer than any row that is looked at below: past it, a quote was never closed.
    max_record_size: 16 * longestRow,
    skip_records_with_error: true,
    on_record: (record, { lines }) => {
      nextLine = lines + 1;
      return record;
    },
    on_skip: () => {
      onFault({ line: nextLine, reason: 'is not well-formed CSV: a quote is never closed' });
      return undefined;
    },
  });
  // An error of the source becomes one of the parser.
  pipeline(Readable.from(checkEncoding(bytes), { objectMode: false }), parser).catch(() => undefined);
  let positions: Map<Column, number> | undefined;
  let line = 1;
  for await (const { record, info } of parser as AsyncIterable<Parsed>) {
    const began = line;
    line = info.lines + 1;
    if (positions === undefined) {
      positions = readHeading(record);
      continue;
    }
    if (record.every((field) => field.trim() === '')) continue;
    if (record.reduce((length, field) => length + field.length, 0) > longestRow) {
      onFault({ line: began, reason: 'is longer than a million characters' });
      continue;
    }
    yield toRow(record, began, positions);
  }
  if (positions === undefined) throw new FileFault('The file is empty');
}

/** @throws FileFault where it is neither UTF-8 nor UTF-16: names would come out as something else */
async function* checkEncoding(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let isFirst = true;
  let isWide = false;
  for await (const chunk of bytes) {
    if (isFirst) isWide = chunk[0] === 0xff && chunk[1] === 0xfe;
    isFirst = false;
    try {
      if (!isWide) decoder.decode(chunk, { stream: true });
    } catch {
      throw new FileFault('The file is not in UTF-8; save it as “CSV UTF-8” and import that');
    }
    yield chunk;
  }
}

function readHeading(record: string[]): Map<Column, number> {
  const positions = new Map<Column, number>();
  for (const [index, heading] of record.entries()) {
    const name = heading.trim().toLowerCase();
    const column = columns.find((known) => known.toLowerCase() === name) ?? otherNames[name];
    if (column !== undefined && !positions.has(column)) positions.set(column, index);
  }
  for (const needed of ['Handle', 'Title'] as const) {
    if (!positions.has(needed)) {
      throw new FileFault(`This is no Shopify product file: its first line has no column '${needed}'`);
    }
  }
  return positions;
}

function toRow(record: string[], line: number, positions: Map<Column, number>): FileRow {
  return {
    line,
    get: (column) => {
      const index = positions.get(column);
      // Postgres takes no NUL, and no other control character says anything in a label.
      return index === undefined ? '' : (record[index] ?? '').replace(/[^\P{Cc}\t\n\r]/gu, '').trim();
    },
  };
}
