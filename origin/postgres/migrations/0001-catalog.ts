// Products, variants, categories and pictures, each row with its version counter; and what search needs.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`create extension if not exists pg_trgm`.execute(db);
  await sql`
    create table categories (
      id bigint generated always as identity primary key,
      slug text not null unique,
      name text not null,
      parent_id bigint references categories (id),
      position integer not null default 0,
      version integer not null default 1
    )`.execute(db);
  // price_amount is the lowest price of its variants, kept here so that lists sort and filter on one index.
  await sql`
    create table products (
      id bigint generated always as identity primary key,
      slug text not null unique,
      name text not null,
      description_html text not null default '',
      brand text not null default '',
      category_id bigint not null references categories (id),
      price_amount integer not null check (price_amount >= 0),
      status text not null default 'active' check (status in ('active', 'archived')),
      version integer not null default 1,
      created_at timestamptz not null default now(),
      search tsvector generated always as (
        setweight(to_tsvector('english', name), 'A') ||
        setweight(to_tsvector('english', brand), 'B') ||
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
      alt text not null default ''
    )`.execute(db);
  // Versions of lists: 'catalog' and 'category:<slug>', raised at most once a second.
  await sql`
    create table catalog_sets (
      tag text primary key,
      version integer not null default 1,
      raised_at timestamptz not null default now(),
      dirty boolean not null default false
    )`.execute(db);
  await sql`create index variants_by_product on variants (product_id, position)`.execute(db);
  await sql`create index variants_dirty on variants (id) where stock_dirty`.execute(db);
  await sql`create index product_images_by_product on product_images (product_id, position)`.execute(db);
  await sql`create index products_by_category on products (category_id, created_at desc, id desc) where status = 'active'`.execute(
    db,
  );
  await sql`create index products_newest on products (created_at desc, id desc) where status = 'active'`.execute(
    db,
  );
  await sql`create index products_by_price on products (price_amount, id) where status = 'active'`.execute(
    db,
  );
  await sql`create index products_search on products using gin (search)`.execute(db);
}
