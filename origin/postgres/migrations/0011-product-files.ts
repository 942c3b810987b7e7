// What a product file says beyond the shop's own columns, which variants sell without stock, each colour's picture,
// and what was taken off the shelf.
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely';

/** The index is made under a lock against writes: a large catalog has it made before, by `buildSkuIndex`. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // SKUs repeat in real files, and two variants may have the same options for a while. Neither may keep a product out.
  await sql`create index if not exists variants_by_sku on variants (sku)`.execute(db);
  await sql`
    alter table variants
      drop constraint if exists variants_sku_key,
      drop constraint if exists variants_product_id_size_color_key`.execute(db);
  await sql`alter table product_images drop constraint if exists product_images_product_id_url_key`.execute(
    db,
  );
  // Stock of a variant that is not tracked, or of which no number was stated, is not counted. `backordered`: pieces
  // sold beyond the stock.
  await sql`
    alter table variants
      add column stock_tracked boolean not null default true,
      add column stock_stated boolean not null default true,
      add column sells_beyond_stock boolean not null default false,
      add column backordered integer not null default 0,
      add column image_url text,
      add column archived_at timestamptz,
      add column file_cells jsonb not null default '{}',
      add constraint variants_backordered_check check (backordered >= 0) not valid`.execute(db);
  // Only 'active' is on sale. 'hidden' is an active product that is not published; `published` is what a draft or
  // archived one would be.
  await sql`
    alter table products
      add column published boolean not null default true,
      add column file_rows jsonb not null default '[]',
      drop constraint if exists products_status_check,
      add constraint products_status_check check (status in ('active', 'hidden', 'draft', 'archived')) not valid`.execute(
    db,
  );
  // Headings that files brought beyond Shopify's own, in the order in which an export gives them back.
  await sql`
    create table product_file_columns (
      position integer generated always as identity primary key,
      name text not null unique
    )`.execute(db);
  // The demo's pictures are one a colour and say so.
  await sql`
    update variants v set image_url = i.url
    from product_images i join products p on p.id = i.product_id
    where i.product_id = v.product_id and i.url like '/images/%' and v.color <> ''
      and i.alt = p.name || ' in ' || v.color`.execute(db);
}

/**
 * The index by SKU, made beside the shop's writes: not in a transaction. Does nothing where it stands or there are
 * no variants yet.
 */
export async function buildSkuIndex(db: QueryExecutorProvider): Promise<void> {
  const { rows } = await sql<{ variants: boolean; broken: boolean }>`
    select to_regclass('variants') is not null as variants, exists (
      select from pg_index where indexrelid = to_regclass('variants_by_sku') and not indisvalid) as broken`.execute(
    db,
  );
  if (!rows[0]?.variants) return;
  if (rows[0].broken) await sql`drop index concurrently variants_by_sku`.execute(db);
  await sql`create index concurrently if not exists variants_by_sku on variants (sku)`.execute(db);
}
