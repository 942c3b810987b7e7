// Migrates the schema. Several processes may run it at once, also beside the previous release.
import { sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Db } from '../schema.ts';
import * as catalog from './migrations/0001-catalog.ts';
import {
  createAccounts,
  createCarts,
  createKeptAssets,
  createOrders,
  createOutbox,
  createStaffChanges,
  keepUsedPasswordResets,
} from './migrations/0002-0008-first-tables.ts';
import {
  addProductFiles,
  addSearchTerms,
  loosenPaymentReferences,
} from './migrations/0009-0011-search-and-product-files.ts';
import * as searchNormalised from './migrations/0012-search-normalised.ts';
import { indexOpenWork, keepPaymentRequests } from './migrations/0014-0015-open-work-and-payments.ts';
import * as orderLife from './migrations/0016-order-life.ts';
import { addPricesAndInvoices, addSelling } from './migrations/0018-0019-selling-and-invoices.ts';
import { addJobFigures, addOperators } from './migrations/0020-0024-operators.ts';
import * as integrations from './migrations/0025-integrations.ts';
import {
  addAccess,
  addCreditNotes,
  dateDeliveries,
  noteLineage,
} from './migrations/0026-0029-lineage-access-credit-notes.ts';
import {
  addOperatorsSignIn,
  addWithdrawals,
  indexPrivacy,
} from './migrations/0030-0032-withdrawals-operators-privacy.ts';
import { addCaptureAddressesSecrets, addSalePrices } from './migrations/0033-0034-sales-and-captures.ts';
import { coverCounts } from './migrations/0036-counting-jobs.ts';
import * as askedFloors from './migrations/0038-asked-floors.ts';

/** The list is written by hand: scanning a folder needs file permissions under Deno, and the order is a decision. */
const migrations: Record<string, Migration> = {
  '0001-catalog': catalog,
  '0002-outbox': { up: createOutbox },
  '0003-accounts': { up: createAccounts },
  '0004-carts': { up: createCarts },
  '0005-orders': { up: createOrders },
  '0006-staff': { up: createStaffChanges },
  '0007-used-password-resets': { up: keepUsedPasswordResets },
  '0008-kept-assets': { up: createKeptAssets },
  '0009-search-terms': { up: addSearchTerms },
  '0010-payment-references': { up: loosenPaymentReferences },
  '0011-product-files': { up: addProductFiles },
  '0012-search-normalised': searchNormalised,
  '0014-open-work': { up: indexOpenWork },
  '0015-payment-requests': { up: keepPaymentRequests },
  '0016-order-life': orderLife,
  '0018-selling': { up: addSelling },
  '0019-prices-and-invoices': { up: addPricesAndInvoices },
  '0020-operators': { up: addOperators },
  '0024-job-figures': { up: addJobFigures },
  '0025-integrations': integrations,
  '0026-lineage': { up: noteLineage },
  '0027-access': { up: addAccess },
  '0028-credit-notes': { up: addCreditNotes },
  '0029-delivery-dates': { up: dateDeliveries },
  '0030-withdrawals': { up: addWithdrawals },
  '0031-operators-sign-in': { up: addOperatorsSignIn },
  '0032-privacy': { up: indexPrivacy },
  '0033-sale-prices': { up: addSalePrices },
  '0034-capture-addresses-secrets': { up: addCaptureAddressesSecrets },
  '0036-counting-jobs': { up: coverCounts },
  '0038-asked-floors': askedFloors,
};

/**
 * @returns the names of the migrations that were applied now; none where a later release has migrated already, which
 * Kysely's migrator would refuse
 */
export async function migrateToLatest(db: Db): Promise<string[]> {
  return (await isMigrated(db)) ? [] : applyMigrations(db, migrations);
}

export const knownMigrations = Object.keys(migrations);

/** Gives an empty database the schema of an earlier release. @param names of its migrations */
export async function migrateTo(db: Db, names: string[]): Promise<void> {
  const wanted = Object.entries(migrations).filter(([name]) => names.includes(name));
  await applyMigrations(db, Object.fromEntries(wanted));
}

async function applyMigrations(db: Db, chosen: Record<string, Migration>): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => chosen } });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const failed = results.find((result) => result.status === 'Error');
    if ((error as { code?: unknown }).code === '42501')
      throw new Error(
        "Cannot migrate the database: this role may not change the schema. Run 'ops db migrate' with MIGRATION_DATABASE_URL",
        { cause: error },
      );
    throw new Error(`Cannot migrate the database${failed ? ` at ${failed.migrationName}` : ''}`, {
      cause: error,
    });
  }
  return results.map((result) => result.migrationName);
}

/** @returns whether the database has every migration of this release */
export async function isMigrated(db: Db): Promise<boolean> {
  const applied = await appliedMigrations(db);
  return knownMigrations.every((name) => applied.includes(name));
}

/** Lists the applied migrations, also those of a later release. */
export async function appliedMigrations(db: Db): Promise<string[]> {
  const { rows: tables } = await sql<{ exists: boolean }>`
    select to_regclass('kysely_migration') is not null as exists`.execute(db);
  if (tables[0]?.exists !== true) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map(({ name }) => name);
}
