// Indexes that answer how many jobs wait, are due or fail, without a look at the rows themselves.
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely';
import { buildIndexes } from '../build-indexes.ts';

/**
 * An index on an expression answers alone only where it also bears the expression's columns. They are in the order of
 * those that they replace, so that the previous release reads them as well.
 */
const indexes = [
  {
    name: 'outbox_untried_covering',
    on: sql`outbox (kind, greatest(due_at, '-infinity'::timestamptz), id)
      include (due_at) where state = 'pending' and failure is null`,
  },
  {
    name: 'outbox_failing_covering',
    on: sql`outbox (kind, greatest(due_at, claimed_until))
      include (due_at, claimed_until) where state = 'pending' and failure is not null`,
  },
];

/** Builds them under a lock against writes. A large shop has them built before, by `buildJobIndexes`. */
export async function coverCounts(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  for (const { name, on } of indexes)
    await sql`create index if not exists ${sql.id(name)} on ${on}`.execute(db);
  await sql`drop index outbox_untried, outbox_failing`.execute(db);
}

/** Builds the same indexes beside the shop's writes. Does nothing before the outbox has the columns. */
export async function buildJobIndexes(db: QueryExecutorProvider): Promise<void> {
  const { rows } = await sql<{ exists: boolean }>`
    select to_regclass('outbox_untried') is not null as exists`.execute(db);
  if (rows[0]?.exists === true) await buildIndexes(db, indexes);
}
