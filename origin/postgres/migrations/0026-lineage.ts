// What tells whether the database's lineage is still its own: where and in which transaction it was begun, and after
// how many others.
import { type Kysely, sql } from 'kysely';
import { claimLineage } from '../lineage.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  // The previous release changes the value alone: its transaction then differs from the one that is noted here.
  await sql`
    alter table database_lineage
      add column ordinal integer not null default 0,
      add column system_identifier text,
      add column begun_in bigint,
      add column begun_timeline integer`.execute(db);
  await claimLineage(db, 0);
}
