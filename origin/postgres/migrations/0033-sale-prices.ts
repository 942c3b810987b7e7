// Sales with a start and an end, what the law asks of a product's page, and the seller's holidays.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`
    create table product_sales (
      id bigint generated always as identity primary key,
      product_id bigint not null references products (id) on delete cascade,
      price_amount integer not null check (price_amount >= 0),
      starts_at timestamptz not null,
      ends_at timestamptz check (ends_at > starts_at),
      state text not null default 'planned' check (state in ('planned', 'running', 'ended', 'cancelled')),
      was_amount integer check (was_amount > price_amount),
      ended_at timestamptz,
      created_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  await sql`create index product_sales_by_product on product_sales (product_id, starts_at)`.execute(db);
  // The next moment at which a sale changes this product's price.
  await sql`alter table products add column flips_at timestamptz`.execute(db);
  await sql`create index products_by_flip on products (flips_at) where flips_at is not null`.execute(db);
  // While a sale runs: the price that it will have again.
  await sql`alter table variants add column regular_amount integer check (regular_amount >= 0)`.execute(db);
  await keepPricesOfSales(db);
  // Material, care, origin, manufacturer and responsible person (Regulation (EU) 2023/988, Article 19).
  await sql`alter table products add column facts jsonb not null default '{}'`.execute(db);
  // Null: those of holidays.md.
  await sql`alter table shipping_version add column holidays jsonb`.execute(db);
}

/**
 * A sale says when its price began or ended; it may be late to write it. A price that anybody else writes ends a
 * running sale, the previous release too.
 */
async function keepPricesOfSales(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace function public.keep_variant_price() returns trigger language plpgsql as $$
    declare
      turned_at timestamptz := nullif(current_setting('shop.sale_turns_at', true), '')::timestamptz;
      began timestamptz := (select max(until) from public.variant_prices where variant_id = old.id);
      ended timestamptz := greatest(coalesce(turned_at, clock_timestamp()), began);
    begin
      -- Where one sale follows another, the price between them was never shown.
      if began is distinct from ended then
        insert into public.variant_prices (variant_id, amount, since, until)
        values (old.id, old.price_amount, began, ended);
      end if;
      update public.products set was_amount = null where id = old.product_id and was_amount is not null;
      if turned_at is null and old.regular_amount is not null then
        update public.variants set regular_amount = null
        where product_id = old.product_id and regular_amount is not null;
        update public.product_sales set state = 'ended', ended_at = clock_timestamp()
        where product_id = old.product_id and state = 'running';
        update public.products set flips_at = (
          select min(starts_at) from public.product_sales where product_id = old.product_id and state = 'planned')
        where id = old.product_id;
      end if;
      return null;
    end $$`.execute(db);
}
