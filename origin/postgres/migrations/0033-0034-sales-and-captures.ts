// Sales with a start and an end; payments that are captured later, disputes, addresses and webhooks' former secrets.
import { type Kysely, sql } from 'kysely';

/** Sales with a start and an end, legal facts of products, and the seller's holidays. */
export async function addSalePrices(db: Kysely<unknown>): Promise<void> {
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
  // When a sale next changes this product's price.
  await sql`alter table products add column flips_at timestamptz`.execute(db);
  await sql`create index products_by_flip on products (flips_at) where flips_at is not null`.execute(db);
  // During a sale: the regular price.
  await sql`alter table variants add column regular_amount integer check (regular_amount >= 0)`.execute(db);
  await keepPricesOfSales(db);
  // Material, care, origin, manufacturer and responsible person (Regulation (EU) 2023/988, Article 19).
  await sql`alter table products add column facts jsonb not null default '{}'`.execute(db);
  // Null: the holidays of holidays.md apply.
  await sql`alter table shipping_version add column holidays jsonb`.execute(db);
}

/**
 * Records ended prices. A sale states the moment of its change, which it may write late. Any other price change ends
 * a running sale, also one by the previous release.
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

/** Payments that are captured at shipment, disputes, shoppers' addresses, and webhooks' former secrets. */
export async function addCaptureAddressesSecrets(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await addAuthorisations(db);
  await createDisputes(db);
  await createAddresses(db);
  // The former secret signs beside the present one until then, so that a receiver can switch.
  await sql`
    alter table webhook_endpoints
      add column former_secret text,
      add column former_secret_until timestamptz`.execute(db);
}

async function addAuthorisations(db: Kysely<unknown>): Promise<void> {
  // Not validated, because every row has one of the former states. The previous release never writes the new one.
  await sql`
    alter table payments
      drop constraint payments_status_check,
      add constraint payments_status_check
        check (status in ('reserved', 'pending', 'authorised', 'paid', 'failed', 'unknown')) not valid,
      add column authorised_until timestamptz,
      add column capture_begun_at timestamptz,
      add column capture_amount integer,
      add column left_out_amount integer not null default 0`.execute(db);
  await sql`
    create index payments_authorised on payments (authorised_until) where status = 'authorised'`.execute(db);
}

async function createDisputes(db: Kysely<unknown>): Promise<void> {
  // The key is the provider's id, so that a repeated message makes one dispute.
  await sql`
    create table disputes (
      id text primary key,
      order_id bigint not null references orders (id) on delete cascade,
      amount integer not null check (amount >= 0),
      reason text not null,
      state text not null check (state in ('inquiry', 'open', 'won', 'lost')),
      due_by timestamptz,
      opened_at timestamptz not null,
      told_at timestamptz not null
    )`.execute(db);
  await sql`create index disputes_by_order on disputes (order_id)`.execute(db);
  await sql`
    create index disputes_open on disputes (due_by) where state in ('inquiry', 'open')`.execute(db);
  await sql`
    create function public.tell_dispute() returns trigger language plpgsql as $$
    begin
      perform public.tell_event('dispute.' || new.state, 'order:' || new.order_id,
        public.facts_of_order(new.order_id) || jsonb_build_object('disputeId', new.id, 'reason', new.reason,
          'amount', jsonb_build_object('amount', new.amount, 'currency', 'EUR')));
      return null;
    end $$`.execute(db);
  await sql`
    create constraint trigger disputes_tell_dispute after insert or update of state on disputes
    deferrable initially deferred for each row
    when (current_setting('myclothes.events', true) is distinct from 'off')
    execute function public.tell_dispute()`.execute(db);
}

async function createAddresses(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table addresses (
      id bigint generated always as identity primary key,
      account_id bigint not null references accounts (id) on delete cascade,
      address jsonb not null,
      is_default boolean not null default false,
      created_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  await sql`create index addresses_by_account on addresses (account_id, id)`.execute(db);
  await sql`create unique index addresses_default on addresses (account_id) where is_default`.execute(db);
}
