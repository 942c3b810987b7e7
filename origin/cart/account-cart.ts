// Finds or creates the one cart row of an account, reads it for the export, and deletes it with the account.
// In state `server` it is the cart; in state `cookie`, the copy saved between sign-ins. Also records orders of the
// other states, each once.
import { sql } from 'kysely';
import { Refusal } from '../errors.ts';
import type { Db, DbOrTx, Tx } from '../schema.ts';
import type { CartLine } from './cart-contents.ts';
import { makeCartId } from './cart-cookie.ts';
import type { OrderKey } from './carts.ts';

/** Returns the id of the account's one cart, and creates the cart where there is none. */
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

/**
 * Deletes the account's cart, the guests' carts that were merged into it, and their operations.
 * @returns the ids of those carts
 */
export async function deleteAccountCart(tx: Tx, accountId: string): Promise<string[]> {
  const ids = await tx
    .selectFrom('carts')
    .select('id')
    .where((where) =>
      where.or([
        where('account_id', '=', accountId),
        where('merged_into', 'in', tx.selectFrom('carts').select('id').where('account_id', '=', accountId)),
      ]),
    )
    .orderBy('id')
    .forUpdate()
    .execute();
  if (ids.length === 0) return [];
  const gone = ids.map((row) => row.id);
  await tx.deleteFrom('cart_operations').where('cart_id', 'in', gone).execute();
  await tx.deleteFrom('carts').where('id', 'in', gone).execute();
  return gone;
}

/** Reads the lines of the account's cart. */
export async function readAccountCartLines(db: Db, accountId: string): Promise<CartLine[]> {
  const row = await db
    .selectFrom('carts')
    .select('lines')
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  return row?.lines ?? [];
}

/**
 * Records in the order's transaction that a cookie or sticky cart was ordered, so that two concurrent checkouts make
 * one order. A second checkout of the same contents waits here until the first transaction has ended.
 * @param contents names what is ordered; a cart that has changed since has another name
 * @throws Refusal 409 `cart-empty` where it was ordered before
 */
export async function orderOnce(tx: Tx, cartId: string, contents: string, order: OrderKey): Promise<void> {
  const marked = await tx
    .insertInto('cart_operations')
    .values({
      cart_id: cartId,
      op_id: `ordered ${contents}`,
      fingerprint: order.fingerprint,
      applied_version: 0,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (marked.numInsertedOrUpdatedRows === 0n)
    throw new Refusal(
      409,
      'cart-empty',
      'The cart was ordered a moment ago; see your orders before you try again',
    );
}
