// The role that origins and workers connect as. It reads and writes rows; it owns no table, so it can change no schema,
// and rows of an audit it can only add. Migrations run under the role that owns the tables.
import { sql } from 'kysely';
import type { Db, DbOrTx } from '../schema.ts';
import { createDatabase, createPool } from './database.ts';
import { migrateToLatest } from './migrate.ts';

/** Who changed what. Whoever could change these rows could hide what they did. */
const auditTables = ['staff_changes'];
/** Written by migrations alone. */
const ownersTables = ['kysely_migration', 'kysely_migration_lock'];

interface TwoRoles {
  /** Of the app. */
  databaseUrl: string;
  /** Of the owner. */
  migrationDatabaseUrl: string;
}

/** @returns the names of the migrations that were applied now */
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
 * Makes the role of this address if there is none, gives it the password of this address, and what it needs and
 * nothing else. Does nothing where the role is the owner itself. Safe to repeat, and by several at once.
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
    // Of tables that a later migration makes, until its own grants.
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

/** How far standby and replicas are, for metrics. Where the owner may not grant it, those metrics are missing. */
async function letWatchReplicas(owner: Db, role: string): Promise<void> {
  await sql`grant pg_read_all_stats to ${sql.id(role)}`.execute(owner).catch(() => undefined);
}
