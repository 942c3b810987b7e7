// Grants the database role of origins and workers exactly what it needs.
// It owns no table, so it cannot change the schema, and it can only add audit rows. Migrations run under the role that
// owns the tables.
import { sql } from 'kysely';
import type { Db, DbOrTx } from '../schema.ts';
import { createDatabase, createPool } from './database.ts';
import { migrateToLatest } from './migrate.ts';

/** Tables of who changed what. A role that may change their rows could hide its actions. */
const auditTables = ['staff_changes'];
/** Only migrations write these tables. */
const ownersTables = ['kysely_migration', 'kysely_migration_lock'];

interface TwoRoles {
  /** Address with the role of the app. */
  databaseUrl: string;
  /** Address with the role of the owner. */
  migrationDatabaseUrl: string;
}

/** @returns names of the migrations that were applied now */
export async function migrateAsOwner({ databaseUrl, migrationDatabaseUrl }: TwoRoles): Promise<string[]> {
  const pool = createPool({
    url: migrationDatabaseUrl,
    name: 'migrate',
    max: 1,
    queryTimeoutMs: 60_000,
    onError: () => {},
  });
  const db = createDatabase(pool);
  try {
    const applied = await migrateToLatest(db);
    await grantToAppRole(db, databaseUrl);
    return applied;
  } finally {
    await db.destroy();
  }
}

/**
 * Creates the role of this address if it is missing, sets its password, and grants exactly what it needs. Does
 * nothing where the role is the owner itself. Several processes may run it, also repeatedly.
 */
export async function grantToAppRole(owner: Db, appUrl: string): Promise<void> {
  const { username, password } = new URL(appUrl);
  const role = decodeURIComponent(username);
  await owner.transaction().execute(async (tx) => {
    const { rows } = await sql<{ owner: string; exists: boolean }>`
      select current_user as owner, exists (select from pg_roles where rolname = ${role}) as exists,
        pg_advisory_xact_lock(hashtext('grant to the role of the app'))`.execute(tx);
    const found = rows[0]!;
    if (role === '' || role === found.owner) return;
    await setPassword(tx, role, decodeURIComponent(password), found.exists ? 'alter' : 'create');
    const to = sql.id(role);
    const audits = sql.join(auditTables.map((name) => sql.table(name)));
    await sql`revoke create on schema public from public`.execute(tx);
    await sql`grant usage on schema public to ${to}`.execute(tx);
    await sql`grant select, insert, update, delete on all tables in schema public to ${to}`.execute(tx);
    await sql`revoke update, delete, truncate on ${audits} from ${to}`.execute(tx);
    await sql`
      revoke insert, update, delete on ${sql.join(ownersTables.map((name) => sql.table(name)))} from ${to}`.execute(
      tx,
    );
    await sql`grant usage, select on all sequences in schema public to ${to}`.execute(tx);
    // Applies to tables of later migrations, until those grant their own rights.
    await sql`
      alter default privileges in schema public grant select, insert, update, delete on tables to ${to}`.execute(
      tx,
    );
  });
  await letWatchReplicas(owner, role);
}

async function setPassword(
  tx: DbOrTx,
  role: string,
  password: string,
  how: 'create' | 'alter',
): Promise<void> {
  const { rows } = await sql<{ statement: string }>`
    select format(${`${how} role %I with login password %L`}, ${role}::text, ${password}::text) as statement`.execute(
    tx,
  );
  await sql.raw(rows[0]!.statement).execute(tx);
}

/**
 * Lets the role read the state of standby and replicas, for metrics. These are missing where the owner may not grant
 * it.
 */
async function letWatchReplicas(owner: Db, role: string): Promise<void> {
  await sql`grant pg_read_all_stats to ${sql.id(role)}`.execute(owner).catch(() => undefined);
}
