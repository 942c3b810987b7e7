// Migrates the schema. Safe to run by several processes at once and beside the previous release.
import { sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Db } from '../schema.ts';
import * as catalog from './migrations/0001-catalog.ts';
import * as outbox from './migrations/0002-outbox.ts';
import * as accounts from './migrations/0003-accounts.ts';
import * as carts from './migrations/0004-carts.ts';
import * as orders from './migrations/0005-orders.ts';
import * as staff from './migrations/0006-staff.ts';
import * as usedPasswordResets from './migrations/0007-used-password-resets.ts';
import * as keptAssets from './migrations/0008-kept-assets.ts';
import * as searchTerms from './migrations/0009-search-terms.ts';
import * as paymentReferences from './migrations/0010-payment-references.ts';
import * as productFiles from './migrations/0011-product-files.ts';
import * as searchNormalised from './migrations/0012-search-normalised.ts';
import * as openWork from './migrations/0014-open-work.ts';
import * as paymentRequests from './migrations/0015-payment-requests.ts';
import * as orderLife from './migrations/0016-order-life.ts';
import * as selling from './migrations/0018-selling.ts';
import * as pricesAndInvoices from './migrations/0019-prices-and-invoices.ts';
import * as operators from './migrations/0020-operators.ts';
import * as jobFigures from './migrations/0024-job-figures.ts';
import * as integrations from './migrations/0025-integrations.ts';
import * as lineage from './migrations/0026-lineage.ts';
import * as access from './migrations/0027-access.ts';
import * as creditNotes from './migrations/0028-credit-notes.ts';
import * as deliveryDates from './migrations/0029-delivery-dates.ts';
import * as withdrawals from './migrations/0030-withdrawals.ts';
import * as operatorsSignIn from './migrations/0031-operators-sign-in.ts';

/** Listed by hand: a folder scan would need file permissions under Deno, and order is a decision. */
const migrations: Record<string, Migration> = {
  '0001-catalog': catalog,
  '0002-outbox': outbox,
  '0003-accounts': accounts,
  '0004-carts': carts,
  '0005-orders': orders,
  '0006-staff': staff,
  '0007-used-password-resets': usedPasswordResets,
  '0008-kept-assets': keptAssets,
  '0009-search-terms': searchTerms,
  '0010-payment-references': paymentReferences,
  '0011-product-files': productFiles,
  '0012-search-normalised': searchNormalised,
  '0014-open-work': openWork,
  '0015-payment-requests': paymentRequests,
  '0016-order-life': orderLife,
  '0018-selling': selling,
  '0019-prices-and-invoices': pricesAndInvoices,
  '0020-operators': operators,
  '0024-job-figures': jobFigures,
  '0025-integrations': integrations,
  '0026-lineage': lineage,
  '0027-access': access,
  '0028-credit-notes': creditNotes,
  '0029-delivery-dates': deliveryDates,
  '0030-withdrawals': withdrawals,
  '0031-operators-sign-in': operatorsSignIn,
};

/**
 * @returns the names of the migrations that were applied now; none where a later release has been here already,
 * which the migrator would refuse.
 */
export async function migrateToLatest(db: Db): Promise<string[]> {
  return (await isMigrated(db)) ? [] : applyMigrations(db, migrations);
}

export const knownMigrations = Object.keys(migrations);

/** Of an empty database: makes the schema of an earlier release. @param names of its migrations */
export async function migrateTo(db: Db, names: string[]): Promise<void> {
  const wanted = Object.entries(migrations).filter(([name]) => names.includes(name));
  await applyMigrations(db, Object.fromEntries(wanted));
}

async function applyMigrations(db: Db, chosen: Record<string, Migration>): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => chosen } });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const failed = results.find((result) => result.status === 'Error');
    throw new Error(`Cannot migrate the database${failed ? ` at ${failed.migrationName}` : ''}`, {
      cause: error,
    });
  }
  return results.map((result) => result.migrationName);
}

/** @returns whether every migration of this release stands in the database. */
export async function isMigrated(db: Db): Promise<boolean> {
  const applied = await appliedMigrations(db);
  return knownMigrations.every((name) => applied.includes(name));
}

/** Also those of a later release. */
export async function appliedMigrations(db: Db): Promise<string[]> {
  const { rows: tables } = await sql<{ exists: boolean }>`
    select to_regclass('kysely_migration') is not null as exists`.execute(db);
  if (tables[0]?.exists !== true) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map(({ name }) => name);
}
