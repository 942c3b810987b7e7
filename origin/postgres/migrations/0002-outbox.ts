// Work that must happen after a commit: one row each, written in the transaction that causes it.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
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
  // The relay claims unfinished rows by this index, never "id > cursor": ids commit out of order.
  await sql`create index outbox_unfinished on outbox (due_at, id) where state = 'pending'`.execute(db);
  await sql`create index outbox_finished on outbox (done_at) where state = 'done'`.execute(db);
  // Results of writes by idempotency key; one row is one effect.
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
  // Pending purges: what a silent edge has not confirmed. The next purge to it must carry these.
  await sql`
    create table edge_debts (
      edge_url text not null,
      tag text not null,
      version integer not null,
      primary key (edge_url, tag)
    )`.execute(db);
}
