// Decides whether a cart operation is refused, by the catalog and the limits.
// Also gives the HTTP refusal for each outcome.
import { readVariants } from '../catalog/read-variants.ts';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import { reusedKey } from '../web/api/idempotency.ts';
import {
  type CartLine,
  exceedsLimits,
  type LimitCode,
  type LineChange,
  limitBrokenBy,
} from './cart-contents.ts';
import type { CartOperation } from './carts.ts';

export interface WaitingOperation extends LineChange {
  opId: string;
  fingerprint: string;
  /** Why the catalog forbids it. It is ignored where the operation was applied before. */
  blocked?: BlockCode | undefined;
}

type BlockCode = 'unknown-variant' | 'out-of-stock';

/** `applied` also means that it was applied before. `reused`: the op id belongs to another request. */
export type CartOutcome = 'applied' | 'reused' | BlockCode | LimitCode;

/** @throws Refusal 503 where the catalog cannot be read; never for a removal, which needs no catalog */
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

/** Also runs before an operation enters the journal. A line whose variant no longer exists may always be removed. */
export function refusalOf(lines: CartLine[], operation: WaitingOperation): BlockCode | LimitCode | undefined {
  const removes = operation.quantity === 0 && lines.some((line) => line.variantId === operation.variantId);
  if (operation.blocked !== undefined && !removes) return operation.blocked;
  return limitBrokenBy(lines, operation);
}

/** @returns undefined where the operation was applied */
export function refusalFor(outcome: CartOutcome, variantId: string): Refusal | undefined {
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

/**
 * @throws Refusal 409 `cart-empty`; 422 `cart-over-limit` where replay or sign-in made the cart larger than an order
 * may be
 */
export function checkOrderable(lines: CartLine[]): void {
  if (lines.length === 0) throw new Refusal(409, 'cart-empty', 'The cart is empty');
  if (exceedsLimits(lines)) {
    throw new Refusal(
      422,
      'cart-over-limit',
      'The cart holds more than an order may: reduce it to 200 lines of at most 99 pieces each',
    );
  }
}
