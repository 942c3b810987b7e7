// Withdrawals, the sign-in of operators, changed e-mail addresses, and indexes for erasure and retention.
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely';
import { buildIndexes } from '../build-indexes.ts';

/** Declarations of withdrawal, each stored once, and the index of orders that are to be shipped. */
export async function addWithdrawals(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // The typed text is kept unchanged, because a declaration is valid even if it names no existing order.
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

/** Second factors and passkeys of operators, e-mail changes that can be undone, and used challenges. */
export async function addOperatorsSignIn(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await createOperators(db);
  // A row is one change of an e-mail address: requested, then confirmed (`used_at`), perhaps undone.
  await sql`
    alter table email_confirmations
      add column former_email text,
      add column undo_hash text,
      add column undone_at timestamptz`.execute(db);
  await sql`
    create unique index email_confirmations_by_undo on email_confirmations (undo_hash)
    where undo_hash is not null`.execute(db);
  await sql`create index email_confirmations_by_former on email_confirmations (lower(former_email))`.execute(
    db,
  );
  await sql`create index email_confirmations_by_email on email_confirmations (lower(email))`.execute(db);
  // A challenge carries its own signature and time, so only correctly answered ones are stored.
  await sql`
    create table used_challenges (
      challenge_hash text primary key,
      used_at timestamptz not null default now()
    )`.execute(db);
  await sql`create index used_challenges_by_age on used_challenges (used_at)`.execute(db);
}

/** Operators share one password. An operator with a second factor has a row, by the name in lower case. */
async function createOperators(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table operators (
      id text primary key,
      name text not null,
      totp_secret text,
      totp_confirmed_at timestamptz,
      totp_last_step bigint not null default 0,
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    create table operator_recovery_codes (
      operator_id text not null references operators (id) on delete cascade,
      code_hash text not null,
      used_at timestamptz,
      primary key (operator_id, code_hash)
    )`.execute(db);
  await sql`
    create table operator_passkeys (
      credential_id text primary key,
      operator_id text not null references operators (id) on delete cascade,
      public_key text not null,
      counter bigint not null,
      transports text not null,
      name text not null,
      created_at timestamptz not null default now(),
      last_used_at timestamptz
    )`.execute(db);
  await sql`create index operator_passkeys_by_operator on operator_passkeys (operator_id)`.execute(db);
  await sql`
    alter table operator_sessions
      add column last_seen_at timestamptz not null default now(),
      add column verified_at timestamptz`.execute(db);
  await sql`create index operator_sessions_by_name on operator_sessions (lower(name), created_at)`.execute(
    db,
  );
}

/**
 * Creates indexes by which erasure finds a person's mails, and by which expired data is removed in bounded rounds.
 * `buildPrivacyIndexes` prepares large shops before.
 */
export async function indexPrivacy(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  for (const { name, on } of indexes)
    await sql`create index if not exists ${sql.id(name)} on ${on}`.execute(db);
}

const indexes = [
  { name: 'outbox_mails_by_address', on: sql`outbox (lower(payload ->> 'to')) where kind = 'mail'` },
  { name: 'staff_changes_by_account', on: sql`staff_changes (account_id) where account_id is not null` },
  { name: 'shop_events_of_orders', on: sql`shop_events (subject) where subject like 'order:%'` },
  // Rows that still name a person, the oldest first.
  {
    name: 'orders_of_guests_by_age',
    on: sql`orders (placed_at) where account_id is null and email is not null`,
  },
  { name: 'invoices_with_person', on: sql`invoices (issued_at) where content -> 'buyer' <> '[]'` },
  { name: 'credit_notes_with_person', on: sql`credit_notes (issued_at) where content -> 'buyer' <> '[]'` },
  { name: 'withdrawals_with_person', on: sql`withdrawals (declared_at) where email <> ''` },
  // A cart's `created_at` never changes, so writes to the cart touch no index.
  { name: 'carts_of_guests', on: sql`carts (created_at) where account_id is null` },
];

/** Creates the same indexes concurrently, outside of a transaction. Does nothing in an empty database. */
export async function buildPrivacyIndexes(db: QueryExecutorProvider): Promise<void> {
  const { rows } = await sql<{ exists: boolean }>`
    select to_regclass('withdrawals') is not null and to_regclass('credit_notes') is not null as exists`.execute(
    db,
  );
  if (rows[0]?.exists !== true) return;
  await buildIndexes(db, indexes);
}
