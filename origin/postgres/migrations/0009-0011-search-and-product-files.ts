// The block-wise index for searches, references of payments, and what product files bring.
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely';

/**
 * An index for searches in which each block of 8,192 ids has entries of its own, so that the newest blocks answer
 * for a word that all have.
 * Under a lock against writes for as long as it takes: a large catalog has its index made before, by
 * `buildSearchIndex`.
 */
export async function addSearchTerms(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await createSearchTerms(db);
  await sql`create index if not exists products_search_terms on ${indexed}`.execute(db);
}

/**
 * The same index, made beside the shop's writes: not in a transaction, and it may take minutes. Does nothing where
 * it stands already or there are no products yet.
 */
export async function buildSearchIndex(db: QueryExecutorProvider): Promise<void> {
  const { rows } = await sql<{ products: boolean; broken: boolean }>`
    select to_regclass('products') is not null as products, exists (
      select from pg_index where indexrelid = to_regclass('products_search_terms') and not indisvalid) as broken`.execute(
    db,
  );
  if (!rows[0]?.products) return;
  await createSearchTerms(db);
  // What an earlier attempt left when it was cut off is never used, and would be taken for the index.
  if (rows[0].broken) await sql`drop index concurrently products_search_terms`.execute(db);
  await sql`create index concurrently if not exists products_search_terms on ${indexed}`.execute(db);
}

// Not `fastupdate`: each block would read the list of what is pending.
const indexed = sql`products using gin
  (product_search_terms(id, category_id, price_amount, sizes, colors, search)) with (fastupdate = off) where status = 'active'`;

/**
 * Each term begins with its block and a letter for its kind: w a word, c the category, s a size, o a colour, x y z
 * the price in steps of 0.8, 6 and 65 percent. Their reader is origin/catalog/search/search-candidates.ts. Costly, so
 * that nobody filters rows by it.
 */
async function createSearchTerms(db: QueryExecutorProvider): Promise<void> {
  await sql`
    create or replace function product_search_terms(
      id bigint, category_id bigint, price_amount integer, sizes text[], colors text[], search tsvector
    ) returns tsvector language sql immutable parallel safe cost 1000 as $$
      select array_to_tsvector(array(
        select (id / 8192) || term from (
          select 'w' || lexeme as term from unnest(tsvector_to_array(search)) lexeme
          union all select 'c' || category_id
          union all select 's' || size from unnest(sizes) size
          union all select 'o' || color from unnest(colors) color
          union all select step || (floor(ln(price_amount::float8 + 1) * 128)::integer / width)
            from (values ('x', 1), ('y', 8), ('z', 64)) steps (step, width)
        ) terms
      ))
    $$`.execute(db);
}

/**
 * A provider's reference names one payment of that provider. Payments at the door have none from outside, so theirs
 * may repeat.
 */
export async function loosenPaymentReferences(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`alter table payments drop constraint if exists payments_reference_key`.execute(db);
  await sql`
    create unique index payments_by_reference on payments (provider, reference)
    where reference is not null and provider <> 'on-delivery'`.execute(db);
}

/**
 * What a product file says beyond the shop's own columns, which variants sell without stock, each colour's picture,
 * and what was taken off the shelf.
 * The index is made under a lock against writes: a large catalog has it made before, by `buildSkuIndex`.
 */
export async function addProductFiles(db: Kysely<unknown>): Promise<void> {
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
