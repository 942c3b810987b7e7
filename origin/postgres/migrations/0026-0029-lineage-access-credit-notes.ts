// The origin of a lineage, staff roles and second factors, credit notes, and the day of delivery dates.
import { type Kysely, sql } from 'kysely';
import { claimLineage } from '../lineage.ts';

/**
 * Columns that show whether a restore replaced the lineage's row: cluster, transaction and timeline of its begin, and
 * its ordinal.
 */
export async function noteLineage(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // The previous release changes only the value. Its transaction then differs from the noted one.
  await sql`
    alter table database_lineage
      add column ordinal integer not null default 0,
      add column system_identifier text,
      add column begun_in bigint,
      add column begun_timeline integer`.execute(db);
  await claimLineage(db, 0);
}

/**
 * Roles of staff, second factors, confirmed and changed e-mail addresses, operators' sessions, and an append-only
 * audit.
 */
export async function addAccess(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // Null for shoppers. Staff without a role were made by the previous release and count as owners.
  await sql`
    alter table accounts
      add column staff_role text check (staff_role in ('owner', 'staff', 'editor', 'viewer')),
      add column email_confirmed_at timestamptz,
      add column last_sign_in jsonb`.execute(db);
  await sql`create index accounts_of_staff on accounts (id) where role = 'staff'`.execute(db);
  await sql`
    alter table sessions
      add column address text not null default '',
      add column previous_sign_in jsonb,
      add column verified_at timestamptz`.execute(db);
  await addSecondFactors(db);
  await sql`
    create table email_confirmations (
      token_hash text primary key,
      account_id bigint not null references accounts (id) on delete cascade,
      email text not null,
      created_at timestamptz not null default now(),
      used_at timestamptz
    )`.execute(db);
  await sql`create index email_confirmations_by_account on email_confirmations (account_id)`.execute(db);
  await sql`create index email_confirmations_by_age on email_confirmations (created_at)`.execute(db);
  await sql`
    create table operator_sessions (
      token_hash text primary key,
      name text not null,
      device text not null,
      address text not null,
      created_at timestamptz not null default now(),
      ended_at timestamptz
    )`.execute(db);
  await sql`create index operator_sessions_by_age on operator_sessions (created_at)`.execute(db);
  await guardAudit(db);
}

async function addSecondFactors(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table totp_secrets (
      account_id bigint primary key references accounts (id) on delete cascade,
      secret text not null,
      confirmed_at timestamptz,
      last_step bigint not null default 0
    )`.execute(db);
  await sql`
    create table recovery_codes (
      account_id bigint not null references accounts (id) on delete cascade,
      code_hash text not null,
      used_at timestamptz,
      primary key (account_id, code_hash)
    )`.execute(db);
  await sql`
    create table passkeys (
      credential_id text primary key,
      account_id bigint not null references accounts (id) on delete cascade,
      public_key text not null,
      counter bigint not null,
      transports text not null,
      name text not null,
      created_at timestamptz not null default now(),
      last_used_at timestamptz
    )`.execute(db);
  await sql`create index passkeys_by_account on passkeys (account_id)`.execute(db);
}

/** Keeps the actor's name after the account is deleted, and forbids changes and deletions of rows. */
async function guardAudit(db: Kysely<unknown>): Promise<void> {
  await sql`alter table staff_changes add column who text`.execute(db);
  await sql`
    create function staff_changes_name_actor() returns trigger language plpgsql as $$
    begin
      if new.who is null then
        new.who := coalesce(
          (select email from accounts where id = new.account_id),
          (select name from api_keys where id = new.api_key_id));
      end if;
      return new;
    end $$`.execute(db);
  await sql`
    create trigger staff_changes_written before insert on staff_changes
    for each row execute function staff_changes_name_actor()`.execute(db);
  await sql`
    update staff_changes c set who = a.email from accounts a
    where a.id = c.account_id and c.id in (select id from staff_changes order by id desc limit 20000)`.execute(
    db,
  );
  await sql`
    create function refuse_change_of_audit() returns trigger language plpgsql as $$
    begin
      raise exception 'rows of % are only ever added', tg_table_name using errcode = 'insufficient_privilege';
    end $$`.execute(db);
  await sql`
    create trigger staff_changes_kept before update or delete or truncate on staff_changes
    for each statement execute function refuse_change_of_audit()`.execute(db);
}

/** Credit notes with their own numbers, and the time when the VAT of each document fell due. */
export async function addCreditNotes(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await createCreditNotes(db);
}

async function createCreditNotes(db: Kysely<unknown>): Promise<void> {
  // When money was first taken. Rows of the previous release have null; for them the day of issue counts.
  await sql`alter table invoices add column taxed_at timestamptz`.execute(db);
  await sql`create index invoices_by_time on invoices ((coalesce(taxed_at, issued_at)))`.execute(db);
  // Each transaction that writes a credit note locks it, like the counter of invoices.
  await sql`
    create table credit_note_counter (
      only_row boolean primary key default true check (only_row),
      last_number integer not null default 0
    )`.execute(db);
  await sql`insert into credit_note_counter default values`.execute(db);
  await sql`
    create table credit_notes (
      number integer primary key,
      order_id bigint not null references orders (id),
      refund_id bigint not null unique references refunds (id),
      issued_at timestamptz not null,
      taxed_at timestamptz not null,
      content jsonb not null,
      document bytea
    )`.execute(db);
  await sql`create index credit_notes_by_order on credit_notes (order_id, number)`.execute(db);
  await sql`create index credit_notes_by_time on credit_notes (taxed_at)`.execute(db);
}

/** The day from which delivery dates on shared pages are computed. The next day invalidates those pages. */
export async function dateDeliveries(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`alter table shipping_version add column day date`.execute(db);
}
