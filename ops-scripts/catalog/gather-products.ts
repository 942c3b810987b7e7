// Rows that stand together under one handle are one product; what stands apart or has no handle is told and passed over.
import type { FileRow, RowFault } from './product-file.ts';

export interface ProductRows {
  handle: string;
  /** At least one; the first describes the product. */
  rows: FileRow[];
}

/** Shopify's own bound is 100 variants; with pictures of their own a product stays far below. */
const maxRows = 2_500;

export async function* gatherProducts(
  rows: AsyncIterable<FileRow>,
  onFault: (fault: RowFault) => void,
): AsyncGenerator<ProductRows> {
  const seen = new Map<string, number>();
  let current: ProductRows | undefined;
  for await (const row of rows) {
    const handle = row.get('Handle').toLowerCase();
    if (handle === '') {
      onFault({ line: row.line, reason: 'has no Handle' });
    } else if (handle === current?.handle) {
      if (current.rows.length < maxRows) current.rows.push(row);
      else onFault({ line: row.line, reason: `is one of more than ${maxRows} rows of a product` });
    } else if (seen.has(handle)) {
      const reason = `stands apart from the other rows of '${handle}', which begin on line ${seen.get(handle)}`;
      onFault({ line: row.line, reason });
    } else {
      if (current !== undefined) yield current;
      current = { handle, rows: [row] };
      seen.set(handle, row.line);
    }
  }
  if (current !== undefined) yield current;
}
