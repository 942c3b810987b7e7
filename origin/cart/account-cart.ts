// The one cart row of an account: the whole truth in state `server`; in state `cookie`, the copy saved between sign-
// ins.
import { sql } from 'kysely';
import type { DbOrTx } from '../schema.ts';
import { makeCartId } from './cart-cookie.ts';

/** An account has one cart, from the first time that anybody asks for it. */
export async function ensureAccountCart(db: DbOrTx, accountId: string): Promise<string> {
  const existing = await findAccountCart(db, accountId);
  if (existing !== undefined) return existing;
  await sql`
    insert into carts (id, version, account_id, lines) values (${makeCartId()}, 0, ${accountId}, '[]')
    on conflict (account_id) do nothing`.execute(db);
  return (await findAccountCart(db, accountId))!;
}

export async function findAccountCart(db: DbOrTx, accountId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('carts')
    .select('id')
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  return row?.id;
}
