// What a provider is asked is kept, so that asking again is the same request; and the database's lineage, part of
// each request's key.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // All may be null: the previous release places orders without them.
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
