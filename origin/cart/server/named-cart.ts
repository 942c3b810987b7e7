// Finds which cart a request names, by its cookie or its account. Another account's cookie counts as absent; a guest
// cart is merged first.
import { unavailable } from '../../errors.ts';
import { ensureAccountCart } from '../account-cart.ts';
import { type CartCookie, makeCartId, readCartCookie } from '../cart-cookie.ts';
import type { CartRequest } from '../carts.ts';
import { readCartRows } from './cart-statements.ts';
import type { ServerStores } from './server-stores.ts';

export interface NamedCart extends CartCookie {
  /** What the browser sent, to tell whether a new cookie is needed. */
  received: CartCookie | undefined;
}

/** @returns the guest's or account's cart by the cookie alone; undefined where that does not say. */
export function nameByCookie(keys: string[], request: CartRequest): NamedCart | undefined {
  const received = readCartCookie(keys, request.cookieHeader);
  if (received === undefined || received.accountId !== request.accountId) return undefined;
  return { ...received, received };
}

export function newGuestCart(received?: CartCookie): NamedCart {
  return { cartId: makeCartId(), version: 0, journalled: false, received };
}

/** A guest's cookie that reaches an account: its response crossed the sign-in on its way. */
export function readUnmergedGuestCookie(keys: string[], request: CartRequest): CartCookie | undefined {
  if (request.accountId === undefined) return undefined;
  const received = readCartCookie(keys, request.cookieHeader);
  return received?.accountId === undefined ? received : undefined;
}

/**
 * Whether the account still has the cart that its cookie names. A restore may have taken it away, and another device
 * may have been given a new one since. Asked once of each cart, and only of a database that was restored.
 */
export async function isStillTheirs(
  stores: ServerStores,
  { cartId, accountId }: NamedCart,
): Promise<boolean> {
  const lineage = stores.deps.lineage.known()?.keyPart ?? '';
  if (lineage === '' || stores.theirs.get(cartId) === lineage) return true;
  const rows = await readCartRows(stores.read, [{ cartId, scope: cartId, opIds: [] }]).catch(() => undefined);
  // While Postgres is away nobody can be given another one.
  if (rows === undefined) return true;
  const isTheirs = rows[0]!.accountId === accountId;
  if (isTheirs) stores.theirs.set(cartId, lineage);
  return isTheirs;
}

/** @throws Refusal 503 where Postgres does not answer. */
export async function nameByAccount(stores: ServerStores, accountId: string): Promise<NamedCart> {
  try {
    const cartId = await stores.deps.db.transaction().execute((tx) => ensureAccountCart(tx, accountId));
    return { cartId, version: 0, journalled: false, accountId, received: undefined };
  } catch (error) {
    throw unavailable('The cart of this account cannot be found at this moment; try again', error);
  }
}
