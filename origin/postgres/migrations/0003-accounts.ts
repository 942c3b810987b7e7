// Accounts, their sessions, and password resets. Tokens are kept as hashes only.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // The version is raised by whatever must end the copies of a session: sign-out, a new password, a new name, deletion.
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
