// Delivery, promotion codes and VAT; earlier prices and invoices.
import { type Kysely, sql } from 'kysely';

/** Delivery methods and their costs, promotion codes and their uses, and an order's costs besides its lines. */
export async function addSelling(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await createShipping(db);
  // All may be null: the previous release places orders without them, with free delivery and no code.
  await sql`
    alter table orders
      add column billing_address jsonb,
      add column shipping jsonb,
      add column discount_code text,
      add column discount_amount integer not null default 0,
      add column tax_country text,
      add column tax jsonb`.execute(db);
  // For each line: its share of the discount, and the VAT rate in percent.
  await sql`
    alter table order_lines
      add column discount_amount integer not null default 0,
      add column tax_rate double precision`.execute(db);
  await sql`
    create table promotions (
      id bigint generated always as identity primary key,
      code text not null unique,
      kind text not null check (kind in ('percent', 'amount', 'free-shipping')),
      value integer not null check (value >= 0),
      min_total_amount integer,
      starts_at timestamptz,
      ends_at timestamptz,
      uses integer,
      uses_per_customer integer,
      categories text[],
      products text[],
      used integer not null default 0 check (used >= 0),
      created_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  // Customer: the e-mail address in lower case; null once the person is erased.
  await sql`
    create table promotion_uses (
      order_id bigint primary key references orders (id) on delete cascade,
      promotion_id bigint not null references promotions (id) on delete cascade,
      customer text,
      account_id bigint
    )`.execute(db);
  await sql`create index promotion_uses_by_customer on promotion_uses (promotion_id, customer)`.execute(db);
  await sql`
    create index promotion_uses_by_account on promotion_uses (promotion_id, account_id)
    where account_id is not null`.execute(db);
}

const everywhere = '{AT,BE,BG,HR,CY,CZ,DK,EE,FI,FR,DE,GR,HU,IE,IT,LV,LT,LU,MT,NL,PL,PT,RO,SK,SI,ES,SE}';

async function createShipping(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table shipping_methods (
      position integer primary key,
      id text not null,
      name text not null,
      countries text[] not null,
      price_amount integer not null check (price_amount >= 0),
      free_from_amount integer check (free_from_amount >= 0),
      min_days integer not null check (min_days >= 0),
      max_days integer not null check (max_days >= min_days)
    )`.execute(db);
  await sql`
    create table shipping_version (
      only_row boolean primary key default true check (only_row),
      version integer not null default 1
    )`.execute(db);
  await sql`insert into shipping_version default values`.execute(db);
  await sql`
    insert into shipping_methods (position, id, name, countries, price_amount, min_days, max_days) values
      (0, 'standard', 'Standard', ${everywhere}, 0, 2, 5),
      (1, 'express', 'Express', ${everywhere}, 990, 1, 2)`.execute(db);
}

/** Former prices of variants, the lawful "was" of a sale, and invoices whose numbers have no gaps. */
export async function addPricesAndInvoices(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // Only ended prices; the variant has the present one. Since: null where the start is older than the history.
  await sql`
    create table variant_prices (
      variant_id bigint not null references variants (id) on delete cascade,
      amount integer not null,
      since timestamptz,
      until timestamptz not null
    )`.execute(db);
  await sql`create index variant_prices_by_variant on variant_prices (variant_id, until)`.execute(db);
  await sql`alter table products add column was_amount integer check (was_amount > 0)`.execute(db);
  // A trigger does this, so that every writer adds to the history and no "was" stays beside another price.
  await sql`
    create function public.keep_variant_price() returns trigger language plpgsql as $$
    begin
      insert into public.variant_prices (variant_id, amount, since, until)
      values (old.id, old.price_amount,
        (select max(until) from public.variant_prices where variant_id = old.id), clock_timestamp());
      update public.products set was_amount = null where id = old.product_id and was_amount is not null;
      return null;
    end $$`.execute(db);
  await sql`
    create trigger variants_keep_price after update of price_amount on variants
    for each row when (old.price_amount <> new.price_amount) execute function public.keep_variant_price()`.execute(
    db,
  );
  await createInvoices(db);
}

async function createInvoices(db: Kysely<unknown>): Promise<void> {
  // Each transaction that writes an invoice locks it. A rollback uses up no number.
  await sql`
    create table invoice_counter (
      only_row boolean primary key default true check (only_row),
      last_number integer not null default 0
    )`.execute(db);
  await sql`insert into invoice_counter default values`.execute(db);
  // The content holds the invoice's data. The document is made from it once and kept.
  await sql`
    create table invoices (
      number integer primary key,
      order_id bigint not null unique references orders (id),
      issued_at timestamptz not null,
      content jsonb not null,
      document bytea
    )`.execute(db);
}
