// Every product with all that a file tells of it, in order of id, a bounded number in memory at a time.
import { sql } from 'kysely';
import type { DbOrTx } from '../postgres/database.ts';
import type { ProductDraft } from './change/product-draft.ts';

/** What `saveProduct` takes, but for the category, which a file chooses by type and tags. */
export type ExportedProduct = Omit<ProductDraft, 'category'>;

const batchSize = 200;

export async function* exportProducts(db: DbOrTx): AsyncGenerator<ExportedProduct> {
  let afterId = '0';
  for (;;) {
    const { rows } = await sql<ExportedProduct & { id: string }>`
      select p.id, p.slug, p.name, p.description_html as "descriptionHtml", p.brand, p.product_type as "productType",
        p.tags, p.option_names as "optionNames", p.status,
        coalesce((
          select json_agg(json_build_object('sku', v.sku, 'size', v.size, 'color', v.color, 'optionValues', v.option_values,
            'priceAmount', v.price_amount, 'available', v.available, 'imageUrl', v.image_url) order by v.position, v.id)
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
