// `ops db`: shows the schema's state, migrates it, and shows or renews the database's lineage.
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { announceNewLineage } from '../../origin/invalidation/lineage-watch.ts';
import { grantToAppRole } from '../../origin/postgres/app-role.ts';
import { isMigrated, migrateToLatest } from '../../origin/postgres/migrate.ts';
import {
  buildSearchIndex,
  buildSkuIndex,
} from '../../origin/postgres/migrations/0009-0011-search-and-product-files.ts';
import { prepareSearch } from '../../origin/postgres/migrations/0012-search-normalised.ts';
import { buildOrderIndexes } from '../../origin/postgres/migrations/0016-order-life.ts';
import { buildPrivacyIndexes } from '../../origin/postgres/migrations/0032-privacy.ts';
import { createProbe } from '../../origin/postgres/replicas/wal-position.ts';
import { appDatabaseUrlOf, databaseUrlOf, openDatabase, openRedis } from '../connect-stores.ts';

export function dbCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('db')
    .addCommand(
      new Command('migrate').description('Apply the migrations that are missing').action(async () => {
        await using database = await openDatabase(env, 600_000);
        await buildSearchIndex(database.db);
        await buildSkuIndex(database.db);
        await prepareSearch(database.db);
        await buildOrderIndexes(database.db);
        await buildPrivacyIndexes(database.db);
        const applied = await migrateToLatest(database.db);
        const appUrl = appDatabaseUrlOf(env);
        if (appUrl !== undefined) await grantToAppRole(database.db, appUrl);
        console.log(applied.length === 0 ? 'Nothing to apply' : `Applied ${applied.join(', ')}`);
      }),
    )
    .addCommand(
      new Command('status').description('Say whether the schema is that of this release').action(async () => {
        await using database = await openDatabase(env);
        const migrated = await isMigrated(database.db);
        console.log(
          migrated ? 'The schema is up to date' : "The schema is not up to date: 'ops db migrate' does it",
        );
        if (!migrated) process.exitCode = 1;
      }),
    )
    .addCommand(
      new Command('restored')
        .description(
          'Say that the database has gone back in time, as after a restore: it begins a new lineage',
        )
        .action(async () => {
          const { lineage, known } = await tellRestored(env);
          console.log(`The database has begun the lineage ${lineage}`);
          await known;
          console.log('No origin and no edge shows any longer what came before it');
        }),
    );
}

// After a restore: begins a new lineage of the database, tells every process, and waits until no cache shows what came
// before.

interface ToldRestore {
  lineage: string;
  /** Resolves when every process knows it, and no edge trusts what it learnt before. */
  known: Promise<void>;
}

const usualLeaseSeconds = 3;
/** From the new lineage until the last renewal of an edge that names the old one. */
const learnMs = { throughRedis: 1_000, throughPostgres: 3_000 };

export async function tellRestored(env: NodeJS.ProcessEnv): Promise<ToldRestore> {
  await using database = await openDatabase(env);
  const redis = await openRedis(env).catch((error: Error) => {
    console.error(`${error.message}. Processes learn of the restore from Postgres instead`);
    return undefined;
  });
  const probe = createProbe({ url: databaseUrlOf(env)!, name: 'ops', timeoutMs: 3_000 });
  try {
    const lineage = await announceNewLineage(database.db, probe, redis);
    const leaseMs = Number(env['EDGE_LEASE_SECONDS'] || usualLeaseSeconds) * 1_000;
    return { lineage, known: delay(leaseMs + learnMs[redis ? 'throughRedis' : 'throughPostgres']) };
  } finally {
    probe.close();
    redis?.disconnect();
  }
}
