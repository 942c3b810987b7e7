// `ops db`: shows the schema's state, migrates it, and shows or renews the database's lineage.
import { Command } from 'commander';
import { isMigrated, migrateToLatest } from '../../origin/postgres/migrate.ts';
import { buildSearchIndex, buildSkuIndex } from '../../origin/postgres/migrations/0009-0011-search-and-product-files.ts';
import { prepareSearch } from '../../origin/postgres/migrations/0012-search-normalised.ts';
import { buildOrderIndexes } from '../../origin/postgres/migrations/0016-order-life.ts';
import { openDatabase } from '../connect-stores.ts';
import { tellRestored } from './restored.ts';

export function dbCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('db')
    .addCommand(
      new Command('migrate').description('Apply the migrations that are missing').action(async () => {
        await using database = await openDatabase(env, 600_000);
        await buildSearchIndex(database.db);
        await buildSkuIndex(database.db);
        await prepareSearch(database.db);
        await buildOrderIndexes(database.db);
        const applied = await migrateToLatest(database.db);
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
