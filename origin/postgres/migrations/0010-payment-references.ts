// A provider's reference names one payment of that provider. Payments at the door have none from outside, so theirs
// may repeat.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`alter table payments drop constraint if exists payments_reference_key`.execute(db);
  await sql`
    create unique index payments_by_reference on payments (provider, reference)
    where reference is not null and provider <> 'on-delivery'`.execute(db);
}
