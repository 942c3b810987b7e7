// Tables of the first release besides the catalog: outbox, accounts, carts, orders, changes by staff, assets.
import { type Kysely, sql } from 'kysely';

/** Work after a commit, one row each, written in the transaction that causes it. */
export async function createOutbox(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`
    create table outbox (
      id bigint generated always as identity primary key,
      kind text not null,
      payload jsonb not null,
      state text not null default 'pending' check (state in ('pending', 'done', 'dead')),
      attempt integer not null default 0,
      failures integer not null default 0,
      traceparent text,
      committed_at timestamptz not null default clock_timestamp(),
      due_at timestamptz not null default clock_timestamp(),
      claimed_until timestamptz not null default '-infinity',
      done_at timestamptz,
      failure text
    )`.execute(db);
  // The relay claims unfinished rows by this index. A cursor on ids would miss rows, because ids commit out of order.
  await sql`create index outbox_unfinished on outbox (due_at, id) where state = 'pending'`.execute(db);
  await sql`create index outbox_finished on outbox (done_at) where state = 'done'`.execute(db);
  // Results of writes by idempotency key. One row stands for one effect.
  await sql`
    create table idempotency_keys (
      scope text not null,
      key text not null,
      fingerprint text not null,
      result jsonb,
      created_at timestamptz not null default now(),
      primary key (scope, key)
    )`.execute(db);
  await sql`create index idempotency_keys_by_age on idempotency_keys (created_at)`.execute(db);
  // Only one worker at a time purges the edges.
  await sql`
    create table edge_purger (
      only_row boolean primary key default true check (only_row),
      holder text not null,
      held_until timestamptz not null
    )`.execute(db);
  // Pending purges: tags that an edge has not confirmed. The next purge of that edge must carry them.
  await sql`
    create table edge_debts (
      edge_url text not null,
      tag text not null,
      version integer not null,
      primary key (edge_url, tag)
    )`.execute(db);
}

/** Accounts, their sessions, and password resets. Tokens are kept as hashes only. */
export async function createAccounts(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // Sign-out, a new password, a new name and deletion raise the version, which ends the copies of sessions.
  await sql`
    create table accounts (
      id bigint generated always as identity primary key,
      email text not null,
      name text not null,
      password_hash text not null,
      role text not null default 'shopper' check (role in ('shopper', 'staff')),
      version integer not null default 1,
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`create unique index accounts_by_email on accounts (lower(email))`.execute(db);
  await sql`
    create table sessions (
      id bigint generated always as identity primary key,
      token_hash text not null unique,
      account_id bigint not null references accounts (id) on delete cascade,
      device text not null default '',
      created_at timestamptz not null default now(),
      last_seen_at timestamptz not null default now()
    )`.execute(db);
  await sql`create index sessions_by_account on sessions (account_id, last_seen_at desc)`.execute(db);
  await sql`
    create table password_resets (
      token_hash text primary key,
      account_id bigint not null references accounts (id) on delete cascade,
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`create index password_resets_by_account on password_resets (account_id)`.execute(db);
}

/** Carts, and the ids of their operations: one row of cart_operations stands for one effect. */
export async function createCarts(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // Lines are stored in the cart's row, so that a write touches one row and a read is one lookup.
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
  // No foreign key to carts: operations of merged carts may outlive their cart, and inserts stay cheap.
  await sql`
    create table cart_operations (
      cart_id text not null,
      op_id text not null,
      fingerprint text not null,
      applied_version integer not null,
      created_at timestamptz not null default now(),
      primary key (cart_id, op_id)
    )`.execute(db);
  // Only pruning uses this index. BRIN costs the writer nothing, because rows arrive in order of time.
  await sql`create index cart_operations_by_age on cart_operations using brin (created_at)`.execute(db);
}

/** Orders, their lines with prices, and the state of each payment. */
export async function createOrders(db: Kysely<unknown>): Promise<void> {
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
  // No reference to variants: an order's lines stay the same whatever happens to the catalog.
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

/** What staff changed: who, what, before, after, when. */
export async function createStaffChanges(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`
    create table staff_changes (
      id bigint generated always as identity primary key,
      account_id bigint,
      subject text not null,
      before jsonb not null,
      after jsonb not null,
      invalidation_id bigint,
      changed_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  await sql`create index staff_changes_by_subject on staff_changes (subject, id desc)`.execute(db);
}

/** Remembers that a link was used. Without the row, a repeated mail job would make the link valid again. */
export async function keepUsedPasswordResets(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`alter table password_resets add column used_at timestamptz`.execute(db);
}

/**
 * Styles and scripts of recently started releases. A page in an edge or an open window outlives the machine that made
 * it.
 */
export async function createKeptAssets(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`
    create table kept_assets (
      hashed_name text primary key,
      content text not null,
      started_at timestamptz not null default now()
    )`.execute(db);
}
