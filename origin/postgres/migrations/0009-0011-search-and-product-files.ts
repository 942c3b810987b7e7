// The block-wise search index, references of payments, and columns for product files.
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely';

/**
 * Creates a search index in which each block of 8,192 ids has its own entries, so that a search for a common word
 * reads only the newest blocks. Creation locks out writes; `buildSearchIndex` prepares large catalogs before.
 */
export async function addSearchTerms(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await createSearchTerms(db);
  await sql`create index if not exists products_search_terms on ${indexed}`.execute(db);
}

/**
 * Creates the same index concurrently with the shop's writes, outside of a transaction; it may take minutes. Does
 * nothing where the index exists or there are no products yet.
 */
export async function buildSearchIndex(db: QueryExecutorProvider): Promise<void> {
  const { rows } = await sql<{ products: boolean; broken: boolean }>`
    select to_regclass('products') is not null as products, exists (
      select from pg_index where indexrelid = to_regclass('products_search_terms') and not indisvalid) as broken`.execute(
    db,
  );
  if (!rows[0]?.products) return;
  await createSearchTerms(db);
  // An interrupted attempt leaves an invalid index, which Postgres never uses and `if not exists` would accept.
  if (rows[0].broken) await sql`drop index concurrently products_search_terms`.execute(db);
  await sql`create index concurrently if not exists products_search_terms on ${indexed}`.execute(db);
}

// `fastupdate` is off, because each block's lookup would read the list of pending entries.
const indexed = sql`products using gin
  (product_search_terms(id, category_id, price_amount, sizes, colors, search)) with (fastupdate = off) where status = 'active'`;

/**
 * Each term begins with its block and a letter for its kind: w word, c category, s size, o colour, x y z price in
 * steps of 0.8, 6 and 65 percent. Read by origin/catalog/search/search-candidates.ts. The high cost keeps the planner
 * from filtering rows by it.
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
 * A provider's reference names one payment of that provider. References of payments at the door may repeat, because
 * no outside system assigns them.
 */
export async function loosenPaymentReferences(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`alter table payments drop constraint if exists payments_reference_key`.execute(db);
  await sql`
    create unique index payments_by_reference on payments (provider, reference)
    where reference is not null and provider <> 'on-delivery'`.execute(db);
}

/**
 * Stores the cells of product files without a column here, variants that sell without stock, pictures of colours, and
 * archived products. The index locks out writes; `buildSkuIndex` prepares large catalogs before.
 */
export async function addProductFiles(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // Real files repeat SKUs, and two variants may have the same options for a while. Neither may reject a product.
  await sql`create index if not exists variants_by_sku on variants (sku)`.execute(db);
  await sql`
    alter table variants
      drop constraint if exists variants_sku_key,
      drop constraint if exists variants_product_id_size_color_key`.execute(db);
  await sql`alter table product_images drop constraint if exists product_images_product_id_url_key`.execute(
    db,
  );
  // Stock is not counted for a variant that is not tracked or has no stated number. `backordered`: pieces sold beyond
  // the stock.
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
  // Only 'active' is on sale. 'hidden' is an active product that is not published. `published` says whether a draft
  // or archived product would be.
  await sql`
    alter table products
      add column published boolean not null default true,
      add column file_rows jsonb not null default '[]',
      drop constraint if exists products_status_check,
      add constraint products_status_check check (status in ('active', 'hidden', 'draft', 'archived')) not valid`.execute(
    db,
  );
  // Columns of product files that Shopify does not define, in the order in which an export writes them.
  await sql`
    create table product_file_columns (
      position integer generated always as identity primary key,
      name text not null unique
    )`.execute(db);
  // The demo catalog has one picture for each colour, named in its `alt`.
  await sql`
    update variants v set image_url = i.url
    from product_images i join products p on p.id = i.product_id
    where i.product_id = v.product_id and i.url like '/images/%' and v.color <> ''
      and i.alt = p.name || ' in ' || v.color`.execute(db);
}

/**
 * Creates the SKU index concurrently with the shop's writes, outside of a transaction. Does nothing where it exists
 * or there are no variants yet.
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
