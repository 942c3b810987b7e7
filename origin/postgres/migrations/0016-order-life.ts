// Adds what an order needs after its purchase: events, shipments, payment at the door, refunds and returns.
// Also creates indexes for staff's searches of orders and customers.
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely';
import { buildIndexes } from '../build-indexes.ts';

/** The indexes lock out writes while they are built. `buildOrderIndexes` prepares large shops before. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await addColumns(db);
  for (const { name, on } of indexes)
    await sql`create index if not exists ${sql.id(name)} on ${on}`.execute(db);
  await createShipments(db);
  await createMoney(db);
  await createReturns(db);
  // `who` is shopper, staff, shop or the provider's name. For staff, the account says who it was.
  await sql`
    create table order_events (
      id bigint generated always as identity primary key,
      order_id bigint not null references orders (id) on delete cascade,
      at timestamptz not null default clock_timestamp(),
      who text not null,
      account_id bigint,
      what text not null,
      detail text not null default ''
    )`.execute(db);
  await sql`create index order_events_by_order on order_events (order_id, id)`.execute(db);
  await sql`
    create index outbox_pay_backs on outbox ((payload ->> 'orderId'))
    where state = 'pending' and kind = 'pay-back'`.execute(db);
}

/**
 * Creates the same indexes concurrently with the shop's writes, outside of a transaction. Does nothing without
 * orders.
 */
export async function buildOrderIndexes<Schema>(db: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{
    exists: boolean;
  }>`select to_regclass('orders') is not null as exists`.execute(db);
  if (rows[0]?.exists !== true) return;
  await db.transaction().execute(async (tx) => {
    await sql`set local lock_timeout = '2s'`.execute(tx);
    await addColumns(tx);
  });
  await buildIndexes(db, indexes);
}

/** The defaults fit a new order, because the previous release places orders without these columns. */
async function addColumns(db: QueryExecutorProvider): Promise<void> {
  await sql`
    alter table orders
      add column if not exists fulfilment text not null default 'open',
      add column if not exists holds_stock boolean not null default false`.execute(db);
  await sql`
    alter table orders
      drop constraint if exists orders_fulfilment_check,
      add constraint orders_fulfilment_check
        check (fulfilment in ('open', 'partly-shipped', 'shipped', 'delivered')) not valid`.execute(db);
  // Numbers of pieces: shipped, never to be shipped, returned or on their way back, and back in stock.
  await sql`
    alter table order_lines
      add column if not exists shipped integer not null default 0,
      add column if not exists withdrawn integer not null default 0,
      add column if not exists returned integer not null default 0,
      add column if not exists restocked integer not null default 0`.execute(db);
  await sql`
    alter table order_lines
      drop constraint if exists order_lines_pieces_check,
      add constraint order_lines_pieces_check check (
        shipped >= 0 and withdrawn >= 0 and shipped + withdrawn <= quantity
        and returned between 0 and shipped and restocked between 0 and quantity) not valid`.execute(db);
  await sql`
    alter table payments add column if not exists taken_amount integer not null default 0`.execute(db);
  await sql`
    alter table payments
      drop constraint if exists payments_taken_check,
      add constraint payments_taken_check check (taken_amount >= 0) not valid`.execute(db);
  // Search words: lower case, without accents and apostrophes, split at other ASCII punctuation. The number is also
  // one word without its hyphens.
  await sql`
    create or replace function public.order_terms(given text) returns text[]
    language sql immutable parallel safe strict as $$
      select array_remove(regexp_split_to_array(
        regexp_replace(normalize(lower(given), NFD), U&'[\\0300-\\036F''\\2019]', '', 'g'),
        '[[:space:]!-/:-@\\[-\`{-~]+'), '')
    $$`.execute(db);
  await sql`
    create or replace function public.order_search(number text, email text, name text) returns tsvector
    language sql immutable parallel safe as $$
      select array_to_tsvector(public.order_terms(
        number || ' ' || replace(number, '-', '') || ' ' || coalesce(email, '') || ' ' || coalesce(name, '')))
    $$`.execute(db);
}

const indexes = [
  { name: 'orders_newest', on: sql`orders (placed_at, id)` },
  { name: 'orders_by_status', on: sql`orders (status, placed_at, id)` },
  { name: 'orders_by_fulfilment', on: sql`orders (fulfilment, placed_at, id)` },
  {
    name: 'orders_by_words',
    on: sql`orders using gin (order_search(number, email, shipping_address ->> 'name'))`,
  },
  // Finds guests' orders by e-mail address. An account's orders are found by the account.
  {
    name: 'orders_of_guests',
    on: sql`orders ((lower(email) collate "C"), id) where account_id is null and email is not null`,
  },
  { name: 'accounts_by_email_prefix', on: sql`accounts ((lower(email) collate "C"))` },
  { name: 'order_lines_by_sku', on: sql`order_lines ((lower(sku) collate "C"), order_id)` },
  {
    name: 'orders_to_ship',
    on: sql`orders (placed_at, id) where fulfilment in ('open', 'partly-shipped') and status <> 'cancelled'`,
  },
  { name: 'payments_by_status', on: sql`payments (status, order_id)` },
];

async function createShipments(db: QueryExecutorProvider): Promise<void> {
  await sql`
    create table shipments (
      id bigint generated always as identity primary key,
      order_id bigint not null references orders (id) on delete cascade,
      carrier text not null,
      tracking_number text,
      tracking_url text,
      shipped_at timestamptz not null default clock_timestamp(),
      delivered_at timestamptz
    )`.execute(db);
  await sql`create index shipments_by_order on shipments (order_id, id)`.execute(db);
  await sql`
    create table shipment_lines (
      shipment_id bigint not null references shipments (id) on delete cascade,
      variant_id bigint not null,
      quantity integer not null check (quantity > 0),
      primary key (shipment_id, variant_id)
    )`.execute(db);
}

async function createMoney(db: QueryExecutorProvider): Promise<void> {
  await sql`
    create table door_payments (
      id bigint generated always as identity primary key,
      order_id bigint not null references orders (id) on delete cascade,
      amount integer not null check (amount > 0),
      reference text,
      account_id bigint,
      taken_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  await sql`create index door_payments_by_order on door_payments (order_id, id)`.execute(db);
  // The key is random and the same for each attempt. An attempt that may have been sent is unknown, never failed.
  await sql`
    create table refunds (
      id bigint generated always as identity primary key,
      order_id bigint not null references orders (id) on delete cascade,
      amount integer not null check (amount > 0),
      reason text not null,
      status text not null default 'pending' check (status in ('pending', 'done', 'unknown')),
      provider_key text not null unique,
      attempted_at timestamptz,
      reference text,
      detail text,
      at timestamptz not null default clock_timestamp(),
      done_at timestamptz
    )`.execute(db);
  await sql`create index refunds_by_order on refunds (order_id, id)`.execute(db);
  await sql`create index refunds_open on refunds (id) where status <> 'done'`.execute(db);
}

async function createReturns(db: QueryExecutorProvider): Promise<void> {
  await sql`
    create table returns (
      id bigint generated always as identity primary key,
      number text not null unique,
      order_id bigint not null references orders (id) on delete cascade,
      status text not null default 'requested' check (status in ('requested', 'received', 'refunded', 'refused')),
      reason text not null default '',
      refusal text,
      refund_id bigint references refunds (id),
      requested_at timestamptz not null default clock_timestamp(),
      closed_at timestamptz
    )`.execute(db);
  await sql`create index returns_by_order on returns (order_id, id)`.execute(db);
  await sql`create index returns_by_status on returns (status, id)`.execute(db);
  await sql`create index returns_by_refund on returns (refund_id) where refund_id is not null`.execute(db);
  await sql`
    create table return_lines (
      return_id bigint not null references returns (id) on delete cascade,
      variant_id bigint not null,
      quantity integer not null check (quantity > 0),
      received integer not null default 0 check (received between 0 and quantity),
      primary key (return_id, variant_id)
    )`.execute(db);
}
