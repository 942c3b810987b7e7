// Creates the staff account that the settings name, at start-up, if it does not exist.
import type { Db } from '../schema.ts';
import type { Passwords } from './passwords.ts';

/**
 * An account that exists stays as it is: a restart must not undo a password that was changed since, nor promote a
 * shopper.
 */
export async function ensureStaffAccount(
  db: Db,
  passwords: Passwords,
  staff: { email: string; password: string },
): Promise<void> {
  const existing = await db
    .selectFrom('accounts')
    .select('id')
    .where((where) => where(where.fn('lower', ['email']), '=', staff.email.toLowerCase()))
    .executeTakeFirst();
  if (existing !== undefined) return;
  await db
    .insertInto('accounts')
    .values({
      email: staff.email,
      name: 'Staff',
      role: 'staff',
      password_hash: await passwords.hash(staff.password),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
