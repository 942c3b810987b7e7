// The prices that variants had before, the lawful "was" of a sale, and invoices with numbers without gaps.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // Ended prices only: that of today stands with its variant. Since: null where the history does not reach back.
  await sql`
    create table variant_prices (
      variant_id bigint not null references variants (id) on delete cascade,
      amount integer not null,
      since timestamptz,
      until timestamptz not null
    )`.execute(db);
  await sql`create index variant_prices_by_variant on variant_prices (variant_id, until)`.execute(db);
  await sql`alter table products add column was_amount integer check (was_amount > 0)`.execute(db);
  // A trigger, so that no writer can leave a price out of the history or a "was" beside another price.
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
  // Locked by each transaction that writes an invoice: one that is rolled back takes no number away.
  await sql`
    create table invoice_counter (
      only_row boolean primary key default true check (only_row),
      last_number integer not null default 0
    )`.execute(db);
  await sql`insert into invoice_counter default values`.execute(db);
  // The content is what the invoice says; the document is made of it once and kept.
  await sql`
    create table invoices (
      number integer primary key,
      order_id bigint not null unique references orders (id),
      issued_at timestamptz not null,
      content jsonb not null,
      document bytea
    )`.execute(db);
}
