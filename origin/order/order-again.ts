// Puts the lines of an order that came to nothing back into the bag, once for each submitted form.
import type { CartRequest, Carts } from '../cart/carts.ts';
import { Refusal } from '../errors.ts';
import { fingerprintOf } from '../web/api/idempotency.ts';
import { afterCookies } from '../web/request/signed-cookies.ts';
import type { Order } from './order.ts';

/** Whether nothing will come of it any more. */
export function cameToNothing({ status }: Pick<Order, 'status'>): boolean {
  return status === 'cancelled';
}

/**
 * What the bag has no room for, and what is no longer sold, stays out.
 * @param key of the form: sent twice, it counts once, as far as the cart remembers its operations (in state `cookie`
 * the newest eight)
 * @returns the cookies to set
 * @throws Refusal 503 where the cart cannot be written now: the same form again is safe
 */
export async function orderAgain(
  carts: Carts,
  request: CartRequest,
  order: Pick<Order, 'lines'>,
  { key, path }: { key: string; path: string },
): Promise<string[]> {
  let { cookieHeader } = request;
  let setCookies: string[] = [];
  for (const { variantId, quantity } of order.lines) {
    const body = { variantId, quantity };
    const operation = {
      opId: `${key}-${variantId}`,
      kind: 'add' as const,
      ...body,
      fingerprint: fingerprintOf({ method: 'POST', path, body }),
    };
    try {
      const answer = await carts.write({ ...request, cookieHeader }, operation);
      if (answer.setCookies.length > 0) setCookies = answer.setCookies;
      cookieHeader = afterCookies(cookieHeader, answer.setCookies);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status >= 500) throw error;
    }
  }
  return setCookies;
}
