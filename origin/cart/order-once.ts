// Records in Postgres that a cookie or sticky cart was ordered, so that two checkouts at once make one order.
import { Refusal } from '../errors.ts';
import type { Tx } from '../schema.ts';
import type { OrderKey } from './carts.ts';

/**
 * In the order's transaction. Whoever orders the same waits here until that has ended.
 * @param state names what is ordered, such that a cart that went on has another name
 * @throws Refusal 409 `cart-empty` where another key ordered it
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
