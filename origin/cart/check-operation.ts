// Checks a cart operation against the catalog, and turns each refused outcome into an HTTP refusal.
import { readVariants } from '../catalog/read-variants.ts';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import { reusedKey } from '../web/api/idempotency.ts';
import type { CartOperation } from './carts.ts';
import type { Outcome, WaitingOperation } from './decide-batch.ts';

/** @throws Refusal 503 where the catalog cannot tell; never for a removal, which needs no catalog. */
export async function checkOperation(
  deps: Pick<Deps, 'cache'>,
  operation: CartOperation,
): Promise<WaitingOperation> {
  try {
    const variant = (await readVariants(deps, [operation.variantId])).get(operation.variantId);
    if (variant === undefined) return { ...operation, blocked: 'unknown-variant' };
    const soldOut = operation.kind === 'add' && variant.available === 0;
    return soldOut ? { ...operation, blocked: 'out-of-stock' } : operation;
  } catch (error) {
    if (operation.quantity === 0) return operation;
    throw error;
  }
}

/** @returns undefined where the operation was applied. */
export function refusalFor(outcome: Outcome, variantId: string): Refusal | undefined {
  switch (outcome) {
    case 'applied':
      return undefined;
    case 'reused':
      return reusedKey();
    case 'unknown-variant':
      return notFound('This variant');
    case 'out-of-stock':
      return new Refusal(409, 'out-of-stock', 'This variant is sold out', {
        details: { lines: [{ variantId, available: 0 }] },
      });
    case 'line-limit':
      return new Refusal(422, 'line-limit', 'A line holds at most 99 pieces');
    case 'cart-limit':
      return new Refusal(422, 'cart-limit', 'A cart holds at most 200 lines');
  }
}
