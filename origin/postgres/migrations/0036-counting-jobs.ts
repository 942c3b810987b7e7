// Indexes that answer how many jobs wait, are due or fail, without a look at the rows themselves.
import { type Kysely, sql } from 'kysely';

/**
 * An index on an expression answers alone only where it also bears the expression's columns. They are in the order of
 * those that they replace, so that the previous release reads them as well.
 */
export async function coverCounts(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await sql`
    create index outbox_untried_covering on outbox (kind, greatest(due_at, '-infinity'::timestamptz), id)
    include (due_at) where state = 'pending' and failure is null`.execute(db);
  await sql`
    create index outbox_failing_covering on outbox (kind, greatest(due_at, claimed_until))
    include (due_at, claimed_until) where state = 'pending' and failure is not null`.execute(db);
  await sql`drop index outbox_untried, outbox_failing`.execute(db);
}
