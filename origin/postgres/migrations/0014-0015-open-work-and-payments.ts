// Indexes of open work, and the requests that were sent to payment providers.
import { type Kysely, sql } from 'kysely';

/**
 * Indexes open work by kind and due time, mails also by the recipient's domain, so that many waiting rows stay cheap.
 * Failed and finished rows are indexed by kind.
 */
export async function indexOpenWork(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // Both are null in rows that the previous release wrote or claimed.
  await sql`
    alter table outbox
      add column claimed_at timestamptz,
      add column first_failed_at timestamptz`.execute(db);
  // Serves claims and counts by kind. A row may be claimed once it is due and no claim or pause holds it.
  await sql`
    create index outbox_open on outbox (kind, greatest(due_at, claimed_until), id)
    where state = 'pending'`.execute(db);
  await sql`
    create index outbox_open_mail on outbox
      (coalesce(lower(split_part(payload ->> 'to', '@', -1)), ''), greatest(due_at, claimed_until), id)
    where state = 'pending' and kind = 'mail'`.execute(db);
  await sql`
    create index outbox_claimed on outbox (kind, id)
    where state = 'pending' and claimed_at is not null`.execute(db);
  // Failed rows are counted by when they may be claimed, and listed newest first.
  await sql`
    create index outbox_failing on outbox (kind, greatest(due_at, claimed_until))
    where state = 'pending' and failure is not null`.execute(db);
  await sql`
    create index outbox_failing_newest on outbox (kind, committed_at, id)
    where state = 'pending' and failure is not null`.execute(db);
  await sql`create index outbox_dead on outbox (kind, committed_at, id) where state = 'dead'`.execute(db);
  await sql`create index outbox_finished_by_kind on outbox (kind, done_at) where state = 'done'`.execute(db);
  // Each answer that leaves a payment open looks up the next planned question.
  await sql`
    create index outbox_payment_questions on outbox ((payload ->> 'orderId'))
    where state = 'pending' and kind = 'settle-payment'`.execute(db);
  await sql`create index sessions_by_last_seen on sessions (last_seen_at)`.execute(db);
  await sql`create index sessions_by_creation on sessions (created_at)`.execute(db);
  await sql`create index password_resets_by_age on password_resets (created_at)`.execute(db);
}

/**
 * Keeps the request to a provider, so that a retry sends the same request. Adds the lineage, which is part of each
 * request's key.
 */
export async function keepPaymentRequests(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // All may be null, because the previous release places orders without them.
  await sql`
    alter table payments
      add column provider_key text,
      add column request jsonb,
      add column expires_at timestamptz,
      add column detail text`.execute(db);
  await sql`
    create index payments_unclear on payments (updated_at)
    where status = 'unknown' or flag = 'late-money'`.execute(db);
  await sql`
    create table database_lineage (
      only_row boolean primary key default true check (only_row),
      value text not null,
      begun_at timestamptz not null default clock_timestamp()
    )`.execute(db);
  await sql`
    insert into database_lineage (value)
    values (left(replace(gen_random_uuid()::text, '-', ''), 12))`.execute(db);
}
