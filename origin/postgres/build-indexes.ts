// Builds indexes beside the shop's writes, before a migration would build them under a lock.
import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely';

export interface NewIndex {
  name: string;
  /** What follows `create index … on`. */
  on: RawBuilder<unknown>;
}

/** Runs outside of a transaction and may take minutes. Leaves indexes alone that exist and are valid. */
export async function buildIndexes(db: QueryExecutorProvider, indexes: NewIndex[]): Promise<void> {
  for (const { name, on } of indexes) {
    const broken = await sql`
      select from pg_index where indexrelid = to_regclass(${name}) and not indisvalid`.execute(db);
    // An interrupted attempt leaves an invalid index, which Postgres never uses and `if not exists` would accept.
    if (broken.rows.length > 0) await sql`drop index concurrently ${sql.id(name)}`.execute(db);
    await sql`create index concurrently if not exists ${sql.id(name)} on ${on}`.execute(db);
  }
}
