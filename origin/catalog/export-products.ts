// Streams every product for an export file, in order of id, with a bounded number in memory.
import { sql } from 'kysely';
import type { DbOrTx } from '../schema.ts';
import type { Cells } from './change/product-draft.ts';
import type { ProductFacts } from './product-facts.ts';

export interface ExportedProduct {
  slug: string;
  name: string;
  descriptionHtml: string;
  brand: string;
  productType: string;
  tags: string[];
  optionNames: string[];
  status: 'active' | 'hidden' | 'draft' | 'archived';
  published: boolean;
  fileRows: Cells[];
  facts: ProductFacts;
  variants: ExportedVariant[];
  images: { url: string; alt: string }[];
}

export interface ExportedVariant {
  sku: string;
  optionValues: string[];
  /** The price without a sale. */
  priceAmount: number;
  available: number;
  backordered: number;
  stockTracked: boolean;
  stockStated: boolean;
  sellsBeyondStock: boolean;
  imageUrl: string | null;
  isArchived: boolean;
  cells: Cells;
}

const batchSize = 200;

export async function* exportProducts(db: DbOrTx): AsyncGenerator<ExportedProduct> {
  let afterId = '0';
  for (;;) {
    const { rows } = await sql<ExportedProduct & { id: string }>`
      select p.id, p.slug, p.name, p.description_html as "descriptionHtml", p.brand, p.product_type as "productType",
        p.tags, p.option_names as "optionNames", p.status, p.published, p.file_rows as "fileRows", p.facts,
        coalesce((
          select json_agg(json_build_object('sku', v.sku, 'optionValues', v.option_values, 'priceAmount', coalesce(v.regular_amount, v.price_amount),
            'available', v.available, 'backordered', v.backordered, 'stockTracked', v.stock_tracked,
            'stockStated', v.stock_stated, 'sellsBeyondStock', v.sells_beyond_stock, 'imageUrl', v.image_url,
            'isArchived', v.archived_at is not null, 'cells', v.file_cells) order by v.position, v.id)
          from variants v where v.product_id = p.id), '[]') as variants,
        coalesce((
          select json_agg(json_build_object('url', i.url, 'alt', i.alt) order by i.position, i.id)
          from product_images i where i.product_id = p.id), '[]') as images
      from products p where p.id > ${afterId}::bigint order by p.id limit ${batchSize}`.execute(db);
    for (const { id, ...product } of rows) {
      yield product;
      afterId = id;
    }
    if (rows.length < batchSize) return;
  }
}

/** Reads the columns that files added to Shopify's own, in the order in which they came. */
export async function readFileColumns(db: DbOrTx): Promise<string[]> {
  const rows = await db.selectFrom('product_file_columns').select('name').orderBy('position').execute();
  return rows.map(({ name }) => name);
}

/** Adds new columns. Known ones keep their place. */
export async function rememberFileColumns(db: DbOrTx, names: string[]): Promise<void> {
  const known = new Set(await readFileColumns(db));
  for (const name of names) {
    if (known.has(name)) continue;
    await db
      .insertInto('product_file_columns')
      .values({ name })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
  }
}

export async function hasFacts(db: DbOrTx): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (select from products where facts <> '{}') as found`.execute(db);
  return rows[0]!.found;
}

export async function hasArchivedVariants(db: DbOrTx): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (select from variants where archived_at is not null) as found`.execute(db);
  return rows[0]!.found;
}
