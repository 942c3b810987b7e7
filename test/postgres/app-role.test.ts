// The shop works under a role that owns no table; that role can change neither the schema nor a row of an audit.
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { appRoleUrl } from '../../ops-scripts/local/postgres.ts';
import { grantToAppRole, migrateAsOwner } from '../../origin/postgres/app-role.ts';
import { createPool, createDatabase as openKysely } from '../../origin/postgres/database.ts';
import { migrateToLatest } from '../../origin/postgres/migrate.ts';
import { openShop } from '../support/shop.ts';
import { createDatabase } from '../support/stores.ts';

test('The shop sells, changes and forgets under a role that owns no table and cannot touch the audit', async () => {
  await using database = await createDatabase();
  const appUrl = appRoleUrl(database.url);
  const roles = { databaseUrl: appUrl, migrationDatabaseUrl: database.url };
  expect(await migrateAsOwner(roles)).toEqual([]);
  // Several origins do so at once, and again.
  await Promise.all([migrateAsOwner(roles), migrateAsOwner(roles)]);
  await using shop = await openShop({ env: { DATABASE_URL: appUrl }, worker: true });
  const { db } = shop.deps;

  const browser = shop.browser();
  await browser.signUp('least.rights@example.org');
  const order = await browser.buy(shop.variants[0]!.id);
  expect(order.status).toBe('paid');
  const staff = await shop.staff();
  const [row] = await db.selectFrom('products').select('id').where('slug', '=', 'plain-tee').execute();
  const price = { amount: 2_500, currency: 'EUR' };
  expect((await staff.patch(`/api/staff/products/${row!.id}`, { price })).status).toBe(200);
  expect((await browser.delete('/api/account')).status).toBe(204);

  const owned =
    await sql`select from pg_tables where schemaname = 'public' and tableowner = current_user`.execute(db);
  expect(owned.rows).toEqual([]);
  expect((await sql`select from staff_changes`.execute(db)).rows.length).toBeGreaterThan(0);
  for (const statement of [
    sql`update staff_changes set who = 'nobody'`,
    sql`delete from staff_changes`,
    sql`truncate staff_changes`,
    sql`alter table staff_changes disable trigger all`,
    sql`drop trigger staff_changes_kept on staff_changes`,
    sql`create or replace function refuse_change_of_audit() returns trigger language plpgsql as 'begin return new; end'`,
    sql`drop table orders`,
    sql`alter table orders add column mine text`,
    sql`create table mine (id text)`,
    sql`delete from kysely_migration`,
    sql`set role postgres`,
  ])
    await expect(statement.execute(db)).rejects.toThrow(/permission denied|must be owner|does not exist/);
});

test('A role that owns nothing says what to do where the schema is not that of this release', async () => {
  await using database = await createDatabase();
  const appUrl = appRoleUrl(database.url);
  const owner = openKysely(createPool({ url: database.url, name: 'test', max: 1 }));
  await grantToAppRole(owner, appUrl);
  // The role now has the password of the address.
  await grantToAppRole(owner, appUrl);
  const app = openKysely(createPool({ url: appUrl, name: 'test', max: 1 }));
  expect(await migrateToLatest(app)).toEqual([]);
  await sql`delete from kysely_migration where name = (select max(name) from kysely_migration)`.execute(
    owner,
  );
  await expect(migrateToLatest(app)).rejects.toThrow("Run 'ops db migrate' with MIGRATION_DATABASE_URL");
  await Promise.all([app.destroy(), owner.destroy()]);
});
