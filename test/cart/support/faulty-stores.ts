// Stores that belong to one test and can be killed, with a migrated database.
import { signalWhole } from '../../../ops-scripts/drills/faults/slow-and-frozen.ts';
import { createDatabase, createPool } from '../../../origin/postgres/database.ts';
import { migrateToLatest } from '../../../origin/postgres/migrate.ts';
import { type PrivateStore, startPrivatePostgres } from '../../support/stores.ts';

export async function startMigratedPostgres(): Promise<PrivateStore> {
  const postgres = await startPrivatePostgres();
  const db = createDatabase(
    createPool({ url: postgres.url, name: 'migrate', max: 1, queryTimeoutMs: 20_000 }),
  );
  await migrateToLatest(db);
  await db.destroy();
  return postgres;
}

/** Kills a store as the kernel or a power cut would; `restart` starts it again. */
export function kill(store: PrivateStore): void {
  signalWhole(store, 'SIGKILL');
}
