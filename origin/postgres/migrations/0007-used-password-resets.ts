// A used link is remembered as used: without its row, the mail's job run once more would make it good again.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`alter table password_resets add column used_at timestamptz`.execute(db);
}
