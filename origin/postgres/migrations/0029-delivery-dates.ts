// The day that delivery dates on shared pages were reckoned from: the next day makes those pages old.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`alter table shipping_version add column day date`.execute(db);
}
