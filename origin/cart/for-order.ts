// What the order domain does with carts: freezes the lines while stock is taken, and ends the cart's generation.
import { Refusal } from '../errors.ts';
import type { Tx } from '../schema.ts';
import { type CartLine, exceedsLimits } from './cart-contents.ts';
import type { CartCheckout, CartRequest, Carts, OrderKey } from './carts.ts';

/**
 * Call before BEGIN. Then, inside the order's transaction, `freezeForCheckout` and `endGeneration`; after COMMIT
 * `await checkout.afterCommit()` for the cookies to set.
 * @throws Refusal 503 where Postgres, or a journal that the cookie speaks of, cannot be read now.
 */
export function prepareCheckout(carts: Carts, request: CartRequest): Promise<CartCheckout> {
  return carts.prepareCheckout(request);
}

/**
 * Locks the cart and takes its journal along, so take this lock before those of variants and products.
 * @throws Refusal 409 `cart-empty`; 422 `cart-over-limit` where replay or sign-in made it larger than an order may be,
 * `idempotency-key-reused` where the order's key stands for an operation of this cart.
 */
export async function freezeForCheckout(
  tx: Tx,
  checkout: CartCheckout,
  order: OrderKey,
): Promise<CartLine[]> {
  const lines = await checkout.freeze(tx, order);
  if (lines.length === 0) throw new Refusal(409, 'cart-empty', 'The cart is empty');
  if (exceedsLimits(lines)) {
    throw new Refusal(
      422,
      'cart-over-limit',
      'The cart holds more than an order may: reduce it to 200 lines of at most 99 pieces each',
    );
  }
  return lines;
}

/** Only in the transaction that froze the cart and wrote the order. */
export function endGeneration(tx: Tx, checkout: CartCheckout): Promise<void> {
  return checkout.endGeneration(tx);
}
