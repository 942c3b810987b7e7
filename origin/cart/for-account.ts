// What the account domain does with carts: sign-in merges the guest's cart, sign-out leaves it, deletion removes it.
import type { Db, Tx } from '../schema.ts';
import type { CartLine } from './cart-contents.ts';
import type { CartMerge, CartRequest, Carts } from './carts.ts';

/**
 * Call before BEGIN; then `merge.mergeInto(tx, accountId)` inside the transaction that makes the session, and after
 * COMMIT `await merge.afterCommit()` for the cookies to set.
 * @param accountId the account that signs in; undefined at sign-up, where there is no account yet
 * @throws Refusal 503 where the guest's journal cannot be read now: signing in would leave acknowledged pieces behind.
 */
export function prepareSignIn(
  carts: Carts,
  request: CartRequest,
  accountId: string | undefined,
): Promise<CartMerge> {
  return carts.prepareMerge({ cookieHeader: request.cookieHeader }, accountId);
}

/** @returns the cookies to set: the cart stays with the account, the browser has an empty one. */
export function signOutCart(carts: Carts, request: CartRequest): Promise<string[]> {
  return carts.leaveWithAccount(request);
}

/** Part of deleting an account: its cart, the guests' carts that were merged into it, and their operations. */
export async function deleteAccountCart(tx: Tx, accountId: string): Promise<void> {
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
  if (ids.length === 0) return;
  const gone = ids.map((row) => row.id);
  await tx.deleteFrom('cart_operations').where('cart_id', 'in', gone).execute();
  await tx.deleteFrom('carts').where('id', 'in', gone).execute();
}

/** For the export of an account's own data. */
export async function readAccountCartLines(db: Db, accountId: string): Promise<CartLine[]> {
  const row = await db
    .selectFrom('carts')
    .select('lines')
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  return row?.lines ?? [];
}
