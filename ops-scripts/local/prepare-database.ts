// Migrates the schema and imports the demo catalog before the first request.
import { loadDemoCatalog } from '../../origin/demo-catalog/load-demo-catalog.ts';
import { grantToAppRole } from '../../origin/postgres/app-role.ts';
import { createDatabase, createPool } from '../../origin/postgres/database.ts';
import { migrateToLatest } from '../../origin/postgres/migrate.ts';
import { unlessAborted } from './wait-until.ts';

interface DatabaseToPrepare {
  databaseUrl: string;
  /** Undefined if origins and workers connect as the owner. */
  appDatabaseUrl?: string;
}

export async function prepareDatabase(
  { databaseUrl, appDatabaseUrl = databaseUrl }: DatabaseToPrepare,
  signal: AbortSignal,
): Promise<void> {
  const pool = createPool({
    url: databaseUrl,
    name: 'start',
    max: 2,
    connectTimeoutMs: 5_000,
    queryTimeoutMs: 60_000,
    // A server that is stopped meanwhile reports its errors here too.
    onError: () => {},
  });
  const db = createDatabase(pool);
  try {
    await unlessAborted(signal, migrateToLatest(db));
    await unlessAborted(signal, grantToAppRole(db, appDatabaseUrl));
    await unlessAborted(signal, loadDemoCatalog(db));
  } finally {
    const closed = db.destroy();
    // When asked to stop, this does not wait: stopping the server ends the query.
    if (!signal.aborted) await closed;
    else closed.catch(() => {});
  }
}
