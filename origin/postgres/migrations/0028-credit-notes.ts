// Credit notes with numbers of their own, and when the VAT of each document fell due.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await createCreditNotes(db);
}

async function createCreditNotes(db: Kysely<unknown>): Promise<void> {
  // When money was first taken. Null in a row of the previous release: then the day of issue counts.
  await sql`alter table invoices add column taxed_at timestamptz`.execute(db);
  await sql`create index invoices_by_time on invoices ((coalesce(taxed_at, issued_at)))`.execute(db);
  // Locked by each transaction that writes a credit note, as the counter of invoices is.
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
