// The database's lineage: an id that is renewed when the database goes back in time, as after a restore.
import { sql } from 'kysely';
import type { DbOrTx } from '../schema.ts';

export async function readLineage(db: DbOrTx): Promise<string> {
  const { rows } = await sql<{ value: string }>`select value from database_lineage`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('Cannot find the lineage of this database');
  return row.value;
}

/** A restore runs it in the transaction that puts the old rows back. */
export const beginLineageSql = `
  update database_lineage
  set value = left(replace(gen_random_uuid()::text, '-', ''), 12), begun_at = clock_timestamp() returning value`;

/** Everything that is named after the lineage is named anew from now on. @returns the new one */
export async function beginLineage(db: DbOrTx): Promise<string> {
  const { rows } = await sql.raw<{ value: string }>(beginLineageSql).execute(db);
  return rows[0]!.value;
}
