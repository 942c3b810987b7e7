// Streams the rows of a product file, each with its line number and its cells by column.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Options, parse } from 'csv-parse';
import { type Column, columnOf } from './columns.ts';
import { decodeFile, FileFault, unguardCell } from './decode-file.ts';

export interface FileRow {
  /** The line on which the row begins, counted from 1. The heading is line 1. */
  line: number;
  heading: FileHeading;
  /** The cell as the file has it; undefined if the file lacks the column. */
  raw(column: string): string | undefined;
  /** The cell without spaces around it; empty if the file lacks the column. */
  get(column: Column): string;
}

export interface FileHeading {
  /** The shop's names of the columns, or the file's own where the shop knows none. */
  columns: string[];
  has(column: Column): boolean;
}

export interface RowFault {
  line: number;
  reason: string;
}

export interface RowListener {
  onFault(fault: RowFault): void;
  /** Called for a remark on a row that is not wrong. */
  onNote(note: RowFault): void;
  onRow(line: number): void;
  onHeading(heading: FileHeading): void;
}

/** In characters. */
const longestRow = 1_000_000;
const longestHeading = 500;

interface Parsed {
  record: string[];
  info: { lines: number };
}

const separators = { ',': 'commas', ';': 'semicolons', '\t': 'tabs' } as const;
type Separator = keyof typeof separators;

/** @throws FileFault if the heading is not that of a product file */
export async function* readRows(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  listener: RowListener,
): AsyncGenerator<FileRow> {
  const { separator, text, skippedLines } = await beginFile(decodeFile(bytes));
  if (separator !== ',') {
    listener.onNote({ line: 1, reason: `separates its columns by ${separators[separator]}` });
  }
  // The line of the parser's next row. The parser reads ahead of the loop below.
  let nextLine = 1 + skippedLines;
  const options: Options = {
    delimiter: separator,
    info: true,
    relax_column_count: true,
    // Hand-written files have quotes in the middle of fields.
    relax_quotes: true,
    // Longer than any row that is read below. A longer record has a quote that was never closed.
    max_record_size: 16 * longestRow,
    skip_records_with_error: true,
    on_record: (record, { lines }) => {
      nextLine = lines + 1 + skippedLines;
      return record;
    },
    on_skip: () => {
      listener.onRow(nextLine);
      listener.onFault({ line: nextLine, reason: 'is not well-formed CSV: a quote is never closed' });
      return undefined;
    },
  };
  const parser = parse(options);
  // An error of the source becomes an error of the parser.
  pipeline(Readable.from(text, { objectMode: false }), parser).catch(() => undefined);
  let head: Head | undefined;
  let line = 1 + skippedLines;
  for await (const { record, info } of parser as AsyncIterable<Parsed>) {
    const began = line;
    line = info.lines + 1 + skippedLines;
    if (head === undefined) {
      head = readHeading(record, began, listener);
      listener.onHeading(head.heading);
      continue;
    }
    if (record.every((field) => field.trim() === '')) continue;
    listener.onRow(began);
    if (record.reduce((length, field) => length + field.length, 0) > longestRow) {
      listener.onFault({ line: began, reason: 'is longer than a million characters' });
      continue;
    }
    tellLostCells(record, began, head, listener);
    yield toRow(record, began, head);
  }
  if (head === undefined) throw new FileFault('The file is empty');
}

interface BegunFile {
  separator: Separator;
  text: AsyncGenerator<string>;
  /** Lines before the heading. */
  skippedLines: number;
}

/** Reads up to the end of the heading, to find the separator of its columns. Excel may name it on a line before. */
async function beginFile(text: AsyncGenerator<string>): Promise<BegunFile> {
  let head = '';
  for (;;) {
    const { value, done } = await text.next();
    head += value ?? '';
    if (done || (head.length > 10 && /[\r\n]/.test(head.slice(10))) || head.length > longestRow) break;
  }
  head = head.replace(/^\ufeff/, '');
  const named = /^"?sep=(.)"?\r?\n/i.exec(head);
  const rest = named === null ? head : head.slice(named[0].length);
  const separator =
    named !== null && named[1]! in separators ? (named[1] as Separator) : guessSeparator(rest);
  async function* whole() {
    yield rest;
    yield* text;
  }
  return { separator, text: whole(), skippedLines: named === null ? 0 : 1 };
}

/** The separator with which the heading has the most known columns. */
function guessSeparator(text: string): Separator {
  const heading = text.split(/\r\n|\r|\n/, 1)[0] ?? '';
  const count = (separator: string) =>
    heading.split(separator).filter((name) => {
      const column = columnOf(name.replaceAll('"', ''));
      return (
        column === 'Title' || column === 'Handle' || column === 'Vendor' || /^(variant|option)/i.test(column)
      );
    }).length;
  const counted = (Object.keys(separators) as Separator[]).map((separator) => ({
    separator,
    known: count(separator),
  }));
  return counted.reduce((best, one) => (one.known > best.known ? one : best)).separator;
}

interface Head {
  heading: FileHeading;
  positions: Map<string, number>;
  /** Positions that have a heading, whether or not its column is read. */
  named: Set<number>;
}

function readHeading(record: string[], line: number, listener: RowListener): Head {
  const positions = new Map<string, number>();
  const named = new Set<number>();
  for (const [index, text] of record.entries()) {
    const column = columnOf(withoutNul(unguardCell(text)));
    if (column === '') continue;
    named.add(index);
    if (column.length > longestHeading) {
      listener.onNote({
        line,
        reason: `has a heading of more than ${longestHeading} characters; that column is left out`,
      });
    } else if (positions.has(column)) {
      listener.onNote({ line, reason: `names the column '${column}' twice; the second is left out` });
    } else positions.set(column, index);
  }
  if (!positions.has('Handle') && !positions.has('Title')) {
    throw new FileFault(
      "This is no Shopify product file: its first line has neither a column 'Handle' nor one 'Title'",
    );
  }
  const heading = { columns: [...positions.keys()], has: (column: Column) => positions.has(column) };
  return { heading, positions, named };
}

/** Cells to the right of the heading, or below an empty one, belong to no column. This reports them. */
function tellLostCells(record: string[], line: number, { named }: Head, { onNote }: RowListener): void {
  const lost = record.findIndex((cell, index) => !named.has(index) && cell.trim() !== '');
  if (lost >= 0)
    onNote({ line, reason: `has a cell without a column, number ${lost + 1}, which is left out` });
  if (record.some((cell) => cell.includes('\0')))
    onNote({ line, reason: 'has characters that are no text (NUL), which are left out' });
}

function toRow(record: string[], line: number, { heading, positions }: Head): FileRow {
  const raw = (column: string) => {
    const index = positions.get(column);
    // A row that ends early has empty cells there.
    return index === undefined ? undefined : withoutNul(unguardCell(record[index] ?? ''));
  };
  return { line, heading, raw, get: (column) => cleanCell(raw(column) ?? '') };
}

/** Postgres does not accept NUL. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '');
}

/** Removes spaces around a cell, and control characters, which have no meaning in a label. */
export function cleanCell(text: string): string {
  return text.replace(/[^\P{Cc}\t\n\r]/gu, '').trim();
}
