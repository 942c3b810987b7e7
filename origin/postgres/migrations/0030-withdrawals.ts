// Declarations of withdrawal, each once; and the index of the queue of orders that are to be shipped.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // What was typed, kept as it is: a declaration holds also where it names no order that there is.
  await sql`
    create table withdrawals (
      id bigint generated always as identity primary key,
      order_number text not null,
      order_id bigint references orders (id) on delete set null,
      name text not null,
      email text not null,
      pieces text not null default '',
      fingerprint text not null unique,
      declared_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  await sql`create index withdrawals_by_email on withdrawals (lower(email), declared_at)`.execute(db);
  await sql`create index withdrawals_by_order on withdrawals (order_id) where order_id is not null`.execute(
    db,
  );
  await sql`
    create index if not exists orders_to_ship on orders (placed_at, id)
    where fulfilment in ('open', 'partly-shipped') and status <> 'cancelled'`.execute(db);
}
