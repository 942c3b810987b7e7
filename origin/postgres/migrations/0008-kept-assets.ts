// Styles and scripts of every release that was started lately: a page outlives the machine that made it, in an edge
// or in a window left open.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`
    create table kept_assets (
      hashed_name text primary key,
      content text not null,
      started_at timestamptz not null default now()
    )`.execute(db);
}
