// Creates the tables of products, variants, categories and pictures, each row with its version.
// Also creates indexes that keep lists and search fast with a million products.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`create extension if not exists pg_trgm`.execute(db);
  await createTables(db);
  await createIndexes(db);
}

async function createTables(db: Kysely<unknown>): Promise<void> {
  // product_count: active products of this category alone, recounted when its set is raised.
  await sql`
    create table categories (
      id bigint generated always as identity primary key,
      slug text not null unique,
      name text not null,
      parent_id bigint references categories (id),
      position integer not null default 0,
      product_count integer not null default 0
    )`.execute(db);
  // price_amount, sizes, colors, size_colors and keywords repeat values of variants and category, so that lists
  // filter and sort on one row.
  await sql`
    create table products (
      id bigint generated always as identity primary key,
      slug text not null unique,
      name text not null,
      description_html text not null default '',
      brand text not null default '',
      category_id bigint not null references categories (id),
      product_type text not null default '',
      tags text[] not null default '{}',
      option_names text[] not null default '{}',
      price_amount integer not null check (price_amount >= 0),
      sizes text[] not null default '{}',
      colors text[] not null default '{}',
      size_colors text[] not null default '{}',
      keywords text not null default '',
      status text not null default 'active' check (status in ('active', 'archived')),
      version integer not null default 1,
      stock_version integer not null default 1,
      created_at timestamptz not null default now(),
      search tsvector generated always as (
        setweight(to_tsvector('english', name), 'A') ||
        setweight(to_tsvector('english', brand), 'B') ||
        setweight(to_tsvector('english', keywords), 'C') ||
        setweight(to_tsvector('english', regexp_replace(description_html, '<[^>]*>', ' ', 'g')), 'D')
      ) stored
    )`.execute(db);
  await sql`
    create table variants (
      id bigint generated always as identity primary key,
      product_id bigint not null references products (id) on delete cascade,
      sku text not null unique,
      size text not null default '',
      color text not null default '',
      option_values text[] not null default '{}',
      position integer not null default 0,
      price_amount integer not null check (price_amount >= 0),
      available integer not null default 0 check (available >= 0),
      stock_version integer not null default 1,
      stock_raised_at timestamptz not null default now(),
      stock_dirty boolean not null default false,
      unique (product_id, size, color)
    )`.execute(db);
  await sql`
    create table product_images (
      id bigint generated always as identity primary key,
      product_id bigint not null references products (id) on delete cascade,
      position integer not null default 0,
      url text not null,
      alt text not null default '',
      unique (product_id, url)
    )`.execute(db);
  // Versions of lists: 'catalog', 'categories' and 'category:<slug>'. Each change inserts a mark, because a lock on
  // the list's row would make all changes wait for each other.
  await sql`
    create table catalog_sets (
      tag text primary key,
      version integer not null default 1,
      raised_at timestamptz not null default now()
    )`.execute(db);
  await sql`create table catalog_set_marks (id bigint generated always as identity primary key, tag text not null)`.execute(
    db,
  );
  await sql`insert into catalog_sets (tag) values ('catalog'), ('categories')`.execute(db);
  // Every word that describes a product, unstemmed. "Did you mean" chooses from these.
  await sql`create table search_words (word text collate "C" primary key)`.execute(db);
}

async function createIndexes(db: Kysely<unknown>): Promise<void> {
  await sql`create index variants_by_product on variants (product_id, position)`.execute(db);
  await sql`create index variants_dirty on variants (id) where stock_dirty`.execute(db);
  await sql`create index product_images_by_product on product_images (product_id, position)`.execute(db);
  await sql`create index categories_by_parent on categories (parent_id)`.execute(db);
  // Ids ascend with time, so "newest" is by id.
  await sql`create index products_newest on products (id) where status = 'active'`.execute(db);
  await sql`create index products_by_price on products (price_amount, id) where status = 'active'`.execute(
    db,
  );
  await sql`create index products_by_category on products (category_id, id) where status = 'active'`.execute(
    db,
  );
  await sql`
    create index products_by_category_price on products (category_id, price_amount, id)
    where status = 'active'`.execute(db);
  await sql`
    create index products_by_options on products using gin (sizes, colors, size_colors)
    where status = 'active'`.execute(db);
  await sql`create index products_search on products using gin (search) where status = 'active'`.execute(db);
  await sql`create index search_words_similar on search_words using gin (word gin_trgm_ops)`.execute(db);
}
