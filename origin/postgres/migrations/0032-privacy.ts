// Indexes by which erasure finds the mails of a person, and by which each period of keeping ends in bounded rounds.
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely';

/** A large shop has the indexes made before, by `buildPrivacyIndexes`. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  for (const { name, on } of indexes)
    await sql`create index if not exists ${sql.id(name)} on ${on}`.execute(db);
}

const indexes = [
  { name: 'outbox_mails_by_address', on: sql`outbox (lower(payload ->> 'to')) where kind = 'mail'` },
  { name: 'staff_changes_by_account', on: sql`staff_changes (account_id) where account_id is not null` },
  { name: 'shop_events_of_orders', on: sql`shop_events (subject) where subject like 'order:%'` },
  // What still names a person, the oldest first.
  {
    name: 'orders_of_guests_by_age',
    on: sql`orders (placed_at) where account_id is null and email is not null`,
  },
  { name: 'invoices_with_person', on: sql`invoices (issued_at) where content -> 'buyer' <> '[]'` },
  { name: 'credit_notes_with_person', on: sql`credit_notes (issued_at) where content -> 'buyer' <> '[]'` },
  { name: 'withdrawals_with_person', on: sql`withdrawals (declared_at) where email <> ''` },
  // When a cart was made never changes: writes to it touch no index.
  { name: 'carts_of_guests', on: sql`carts (created_at) where account_id is null` },
];

/** The same indexes, made beside the shop's writes: not in a transaction. Does nothing in an empty database. */
export async function buildPrivacyIndexes(db: QueryExecutorProvider): Promise<void> {
  const { rows } = await sql<{ exists: boolean }>`
    select to_regclass('withdrawals') is not null and to_regclass('credit_notes') is not null as exists`.execute(
    db,
  );
  if (rows[0]?.exists !== true) return;
  for (const { name, on } of indexes) {
    const broken = await sql`
      select from pg_index where indexrelid = to_regclass(${name}) and not indisvalid`.execute(db);
    if (broken.rows.length > 0) await sql`drop index concurrently ${sql.id(name)}`.execute(db);
    await sql`create index concurrently if not exists ${sql.id(name)} on ${on}`.execute(db);
  }
}
