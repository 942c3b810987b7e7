// `ops db`: shows the schema's state, migrates it, and shows or renews the database's lineage.
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { announceNewLineage } from '../../origin/invalidation/lineage-watch.ts';
import { grantToAppRole } from '../../origin/postgres/app-role.ts';
import {
  appliedMigrations,
  knownMigrations,
  migrateTo,
  migrateToLatest,
} from '../../origin/postgres/migrate.ts';
import {
  buildSearchIndex,
  buildSkuIndex,
} from '../../origin/postgres/migrations/0009-0011-search-and-product-files.ts';
import { prepareSearch } from '../../origin/postgres/migrations/0012-search-normalised.ts';
import { buildOrderIndexes } from '../../origin/postgres/migrations/0016-order-life.ts';
import { buildPrivacyIndexes } from '../../origin/postgres/migrations/0030-0032-withdrawals-operators-privacy.ts';
import { buildJobIndexes } from '../../origin/postgres/migrations/0036-counting-jobs.ts';
import { createProbe } from '../../origin/postgres/replicas/wal-position.ts';
import type { Db } from '../../origin/schema.ts';
import { appDatabaseUrlOf, databaseUrlOf, openDatabase, openRedis } from '../connect-stores.ts';

export function dbCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('db')
    .addCommand(migrateCommand(env))
    .addCommand(statusCommand(env))
    .addCommand(
      new Command('restored')
        .description(
          'Say that the database has gone back in time, as after a restore: it begins a new lineage',
        )
        .option('--json', 'print one JSON object')
        .action(async ({ json }: { json?: boolean }) => {
          const { lineage, known } = await tellRestored(env);
          if (!json) console.log(`The database has begun the lineage ${lineage}`);
          await known;
          console.log(
            json ? JSON.stringify({ lineage }) : 'No origin and no edge shows any longer what came before it',
          );
        }),
    );
}

// After a restore: begins a new lineage, tells every process, and waits until no cache shows data of the old lineage.

interface ToldRestore {
  lineage: string;
  /** Resolves when every process knows the lineage and no edge serves data of the old one. */
  known: Promise<void>;
}

const usualLeaseSeconds = 3;
/** The longest time from the new lineage until the last renewal of an edge by the old one. */
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

function migrateCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('migrate')
    .description('Apply the migrations that are missing')
    .option('--until <name>', 'the last one to apply, as the status lists them')
    .option('--json', 'print one JSON object')
    .action(async ({ until, json }: { until?: string; json?: boolean }) => {
      await using database = await openDatabase(env, 600_000);
      const { db } = database;
      const last = until === undefined ? undefined : knownMigrations.indexOf(until);
      if (last === -1) throw new Error(`Cannot migrate until '${until}': there is no such migration`);
      const applied = await (last === undefined ? migrateWhole(db) : migrateUntil(db, last));
      const appUrl = appDatabaseUrlOf(env);
      if (appUrl !== undefined) await grantToAppRole(db, appUrl);
      const told = applied.length === 0 ? 'Nothing to apply' : `Applied ${applied.join(', ')}`;
      console.log(json ? JSON.stringify({ applied }) : told);
    });
}

/** Builds large indexes first, while the shop goes on working. */
async function migrateWhole(db: Db): Promise<string[]> {
  await buildSearchIndex(db);
  await buildSkuIndex(db);
  await prepareSearch(db);
  await buildOrderIndexes(db);
  await buildPrivacyIndexes(db);
  await buildJobIndexes(db);
  return migrateToLatest(db);
}

async function migrateUntil(db: Db, last: number): Promise<string[]> {
  const before = await appliedMigrations(db);
  const wanted = knownMigrations.slice(0, last + 1);
  if (wanted.every((name) => before.includes(name))) return [];
  await migrateTo(db, wanted);
  return (await appliedMigrations(db)).filter((name) => !before.includes(name));
}

function statusCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('status')
    .description('Say whether the schema is that of this release; exit code 1 if it is not')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      const applied = await appliedMigrations(database.db);
      const missing = knownMigrations.filter((name) => !applied.includes(name));
      if (missing.length > 0) process.exitCode = 1;
      if (json) return console.log(JSON.stringify({ upToDate: missing.length === 0, missing }));
      if (missing.length === 0) return console.log('The schema is up to date');
      console.log("The schema is not up to date: 'ops db migrate' applies what is missing");
      for (const name of missing) console.log(name);
    });
}
