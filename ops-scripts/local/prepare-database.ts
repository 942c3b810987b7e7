// Migrates the schema and imports the demo catalog before the first request.
import { loadDemoCatalog } from '../../origin/demo-catalog/load-demo-catalog.ts';
import { createDatabase, createPool } from '../../origin/postgres/database.ts';
import { migrateToLatest } from '../../origin/postgres/migrate.ts';
import { unlessAborted } from './wait-until.ts';

export async function prepareDatabase(url: string, signal: AbortSignal): Promise<void> {
  const pool = createPool({
    url,
    name: 'start',
    max: 2,
    connectTimeoutMs: 5_000,
    queryTimeoutMs: 60_000,
    // A server that is stopped in the midst says so here too.
    onError: () => {},
  });
  const db = createDatabase(pool);
  try {
    await unlessAborted(signal, migrateToLatest(db));
    await unlessAborted(signal, loadDemoCatalog(db));
  } finally {
    const closed = db.destroy();
    // Asked to stop in the midst: the server's own stop ends the query, we don't wait for it.
    if (!signal.aborted) await closed;
    else closed.catch(() => {});
  }
}
