// What staff changed: who, what, before, after, when.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
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
