// Archives products and variants, and restores them.
// Nothing is deleted, because orders, carts and files refer to them.
import { sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import { addToOutbox } from '../../outbox/events.ts';
import type { Tx } from '../../schema.ts';
import { productStockTag, productTag, slugTag } from '../tags.ts';
import { markSets } from './dirty-versions.ts';
import { rowsWithout } from './product-draft.ts';
import { refreshListing } from './save-product-parts.ts';

export interface Archiving {
  /** Slugs of whole products. */
  products: string[];
  /** SKUs of single variants. A SKU that repeats means all variants that have it. */
  skus: string[];
  /** Restores instead of archiving. */
  back: boolean;
}

export interface Archived {
  products: number;
  variants: number;
  /** Named products and variants that were in that state already. */
  already: number;
  /** Slugs and SKUs that the shop does not have. */
  unknown: string[];
}

/** Writes nothing if any named product or variant is unknown. Locks variants, then products, each in order of id. */
export async function archive(tx: Tx, { products, skus, back }: Archiving): Promise<Archived> {
  const variants = await sql<{ id: string; sku: string; product_id: string; archived: boolean }>`
    select v.id, v.sku, v.product_id, v.archived_at is not null as archived from variants v
    where v.sku = any(${skus}::text[]) order by v.id for no key update`.execute(tx);
  const rows = await tx
    .selectFrom('products')
    .select(['id', 'slug', 'status', 'category_id'])
    .where((eb) =>
      eb.or([
        eb('slug', 'in', products.length > 0 ? products : ['']),
        sql<boolean>`id = any(${variants.rows.map((row) => row.product_id)}::bigint[])`,
      ]),
    )
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  const slugs = new Set(rows.map(({ slug }) => slug));
  const knownSkus = new Set(variants.rows.map(({ sku }) => sku));
  const unknown = [
    ...products.filter((slug) => !slugs.has(slug)),
    ...skus.filter((sku) => !knownSkus.has(sku)),
  ];
  if (unknown.length > 0) return { products: 0, variants: 0, already: 0, unknown };
  const wanted = back ? 'active' : 'archived';
  const named = rows.filter(({ slug }) => products.includes(slug));
  const turned = named.filter(({ status }) => status !== wanted);
  const turnedVariants = variants.rows.filter(({ archived }) => archived === back);
  await sql`
    update variants set archived_at = ${back ? sql`null` : sql`now()`}
    where id = any(${turnedVariants.map(({ id }) => id)}::bigint[])`.execute(tx);
  const touched = new Set([
    ...turned.map(({ id }) => id),
    ...turnedVariants.map(({ product_id }) => product_id),
  ]);
  await tell(
    tx,
    rows.filter(({ id }) => touched.has(id)).map((row) => ({ ...row, turned: turned.includes(row) })),
    wanted,
  );
  return {
    products: turned.length,
    variants: turnedVariants.length,
    already: named.length - turned.length + (variants.rows.length - turnedVariants.length),
    unknown: [],
  };
}

interface Touched {
  id: string;
  slug: string;
  category_id: string;
  turned: boolean;
}

async function tell(tx: Tx, touched: Touched[], wanted: 'active' | 'archived'): Promise<void> {
  if (touched.length === 0) return;
  const tags: TagVersions = {};
  for (const { id, slug, turned } of touched) {
    const { version, stock_version } = await tx
      .updateTable('products')
      .set({
        ...(turned
          ? { status: wanted, published: true, file_rows: rowsWithout(['Status', 'Published']) }
          : {}),
        version: sql<number>`version + 1`,
        stock_version: sql<number>`stock_version + 1`,
      })
      .where('id', '=', id)
      .returning(['version', 'stock_version'])
      .executeTakeFirstOrThrow();
    tags[productTag(id)] = version;
    tags[productStockTag(id)] = stock_version;
    if (turned) tags[slugTag(slug)] = version;
  }
  await refreshListing(
    tx,
    touched.map(({ id }) => id),
  );
  await markSets(tx, [...new Set(touched.map(({ category_id }) => category_id))]);
  await addToOutbox(tx, 'invalidate', { tags });
}
