// Second factors and passkeys of operators, e-mail changes that can be undone, and the challenges that were used.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await addOperators(db);
  // A row is one change of an e-mail: asked for, then confirmed (`used_at`), perhaps undone.
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
  // A challenge bears its own signature and time, so only those that somebody answered rightly are kept.
  await sql`
    create table used_challenges (
      challenge_hash text primary key,
      used_at timestamptz not null default now()
    )`.execute(db);
  await sql`create index used_challenges_by_age on used_challenges (used_at)`.execute(db);
}

/** Operators share one password. Those who set up a second factor have a row, by their name in small letters. */
async function addOperators(db: Kysely<unknown>): Promise<void> {
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
