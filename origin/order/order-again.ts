// Puts the lines of a cancelled order back into the bag, once for each submitted form.
import type { CartRequest, Carts } from '../cart/carts.ts';
import { Refusal } from '../errors.ts';
import { fingerprintOf } from '../web/api/idempotency.ts';
import { afterCookies } from '../web/request/signed-cookies.ts';
import type { Order } from './order.ts';

/** Tells whether the order will never be fulfilled. */
export function cameToNothing({ status }: Pick<Order, 'status'>): boolean {
  return status === 'cancelled';
}

/**
 * Adds the order's lines to the cart. Lines that exceed its limits or are no longer sold are left out.
 * @param form its key makes a repeated form count once, as long as the cart remembers its operations (the newest
 * eight in state `cookie`)
 * @returns the cookies to set
 * @throws Refusal 503 where the cart cannot be written now; the same form may safely be sent again
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
