// Groups consecutive rows with one handle into a product, reports stray rows, and makes a missing handle from the
// title.
import { slugify } from '../../origin/catalog/slugify.ts';
import type { FileRow, RowListener } from './product-file.ts';

export interface ProductRows {
  handle: string;
  /** At least one; the first describes the product. */
  rows: FileRow[];
}

/** Shopify's own bound is 2,048 variants; with pictures of their own a product stays below. */
const maxRows = 2_500;

/** @param seen handles and the lines on which they begin; filled on the way */
export async function* gatherProducts(
  rows: AsyncIterable<FileRow>,
  seen: Map<string, number>,
  listener: Pick<RowListener, 'onFault' | 'onNote'>,
): AsyncGenerator<ProductRows> {
  let current: ProductRows | undefined;
  for await (const row of rows) {
    const handle = handleOf(row, current, listener);
    if (handle === undefined) continue;
    if (handle === current?.handle) {
      if (current.rows.length < maxRows) current.rows.push(row);
      else listener.onFault({ line: row.line, reason: `is one of more than ${maxRows} rows of a product` });
    } else if (seen.has(handle)) {
      const reason = `stands apart from the other rows of '${handle}', which begin on line ${seen.get(handle)}`;
      listener.onFault({ line: row.line, reason });
    } else {
      if (current !== undefined) yield current;
      current = { handle, rows: [row] };
      seen.set(handle, row.line);
    }
  }
  if (current !== undefined) yield current;
}

/** @returns undefined where the row belongs to no product; then that was told */
function handleOf(
  row: FileRow,
  current: ProductRows | undefined,
  { onFault, onNote }: Pick<RowListener, 'onFault' | 'onNote'>,
): string | undefined {
  const handle = row.get('Handle').toLowerCase().normalize('NFC');
  if (handle !== '') return handle;
  const title = row.get('Title');
  // A file without handles names a product once, or on each of its rows.
  if (!row.heading.has('Handle') && current !== undefined) {
    if (title === '' || title === current.rows[0]!.get('Title')) return current.handle;
  }
  const made = slugify(title);
  if (made !== '') {
    onNote({ line: row.line, reason: `has no Handle; '${made}' was made of its Title` });
    return made;
  }
  const what = title === '' ? 'no Title' : `a Title of which none can be made: '${title.slice(0, 30)}'`;
  onFault({ line: row.line, reason: `has no Handle and ${what}` });
  return undefined;
}
