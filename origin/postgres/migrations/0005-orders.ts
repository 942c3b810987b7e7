// Orders, what was bought at which price, and how far each payment has come.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // E-mail and address are null once the person is forgotten.
  await sql`
    create table orders (
      id bigint generated always as identity primary key,
      number text not null unique,
      account_id bigint,
      email text,
      shipping_address jsonb,
      status text not null default 'placed' check (status in ('placed', 'paid', 'cancelled')),
      total_amount integer not null check (total_amount >= 0),
      placed_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  await sql`create index orders_by_account on orders (account_id, id desc) where account_id is not null`.execute(
    db,
  );
  // No reference to variants: what was bought stays as it was, whatever becomes of the catalog.
  await sql`
    create table order_lines (
      order_id bigint not null references orders (id) on delete cascade,
      position integer not null,
      variant_id bigint not null,
      product_slug text not null,
      sku text not null,
      name text not null,
      size text not null,
      color text not null,
      quantity integer not null check (quantity > 0),
      unit_price_amount integer not null check (unit_price_amount >= 0),
      primary key (order_id, position)
    )`.execute(db);
  await sql`
    create table payments (
      order_id bigint primary key references orders (id) on delete cascade,
      provider text not null,
      wanted_outcome text,
      status text not null default 'reserved' check (status in ('reserved', 'pending', 'paid', 'failed', 'unknown')),
      attempted_at timestamptz,
      reference text unique,
      redirect_url text,
      flag text check (flag in ('late-money', 'refunded')),
      updated_at timestamptz not null default now()
    )`.execute(db);
}
