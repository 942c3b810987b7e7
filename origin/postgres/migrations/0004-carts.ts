// Carts and the ids of the operations that made them: one row of cart_operations is one effect.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // Lines are part of the row: every write touches one row a cart, and reading a cart is one lookup.
  await sql`
    create table carts (
      id text primary key,
      version integer not null,
      generation integer not null default 1,
      account_id bigint unique,
      merged_into text references carts (id) on delete cascade,
      lines jsonb not null,
      direct_sets jsonb not null default '{}',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    ) with (fillfactor = 70)`.execute(db);
  await sql`create index carts_merged_into on carts (merged_into) where merged_into is not null`.execute(db);
  // No foreign key to carts: an operation of a merged cart outlives nothing that it points to, and inserts stay lean.
  await sql`
    create table cart_operations (
      cart_id text not null,
      op_id text not null,
      fingerprint text not null,
      applied_version integer not null,
      created_at timestamptz not null default now(),
      primary key (cart_id, op_id)
    )`.execute(db);
  // For pruning only; BRIN, because rows arrive in order of time and this must cost the writer nothing.
  await sql`create index cart_operations_by_age on cart_operations using brin (created_at)`.execute(db);
}
