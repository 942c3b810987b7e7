// Implements cart state `server`, in which carts live in Postgres.
// Redis has a copy of each and, while Postgres is away, the journal. The cookie names the cart.

import { withinMs } from '../../concurrency/deadline.ts';
import type { Deps } from '../../deps.ts';
import { Refusal, unavailable } from '../../errors.ts';
import { reusedKey } from '../../web/api/idempotency.ts';
import { showCart } from '../cart.ts';
import {
  type Awaits,
  type CartCookie,
  dropCartCookie,
  readCartCookie,
  writeCartCookies,
} from '../cart-cookie.ts';
import type { CartAnswer, CartRequest, Carts, OrderKey } from '../carts.ts';
import { checkOperation } from '../check-operation.ts';
import { readCartRows } from './cart-statements.ts';
import { prepareCartCheckout, prepareCartMerge } from './checkout-and-sign-in.ts';
import { openServerStores, type ServerStores } from './server-stores.ts';
import {
  isStillTheirs,
  type NamedCart,
  nameByAccount,
  nameByCookie,
  newGuestCart,
  readUnmergedGuestCookie,
  viewCart,
} from './view-cart.ts';
import { writeCart } from './write-cart.ts';

/** A cart must answer within 3.5 s at the shopper. The rest is for the network. */
const answerWithinMs = 3_300;
const late = () => unavailable('The cart did not answer in time; try again');

export function createServerCarts(deps: Deps): Carts {
  const stores = openServerStores(deps);
  const keys = deps.settings.cookieKeys;
  return {
    view: (request) => withinMs(answerWithinMs, late, () => view(stores, request)),
    write: (request, operation) =>
      withinMs(answerWithinMs, late, async () => {
        const [checked, cart] = await Promise.all([
          checkOperation(deps, operation),
          nameCart(stores, request),
        ]);
        if (cart !== undefined && (await wasAppliedToGuestCart(stores, cart, checked)))
          return view(stores, request);
        const named = cart ?? newGuestCart(readCartCookie(keys, request.cookieHeader));
        let used = named;
        let written = await writeCart(stores, named, checked);
        if (written === undefined) {
          // The guest's cart was merged into an account's, so the old cookie counts as absent.
          used = newGuestCart(named.received);
          written = await writeCart(stores, used, checked);
        }
        if (written === undefined) throw late();
        return answer(stores, { ...used, version: written.version }, written.contents, written);
      }),
    scope(request) {
      if (request.accountId !== undefined) return `account:${request.accountId}`;
      const cart = nameByCookie(keys, request);
      return cart && `cart:${cart.cartId}`;
    },
    prepareMerge: (request, accountId) => {
      const cookie = readCartCookie(keys, request.cookieHeader);
      return prepareCartMerge(stores, cookie?.accountId === undefined ? cookie : undefined, accountId);
    },
    leaveWithAccount: async () => [dropCartCookie()],
    prepareCheckout: async (request) => {
      const cart = await nameCart(stores, request);
      if (cart === undefined) throw new Refusal(409, 'cart-empty', 'The cart is empty');
      return prepareCartCheckout(stores, cart);
    },
    close: () => stores.close(),
  };
}

async function view(stores: ServerStores, request: CartRequest): Promise<CartAnswer> {
  const cart = await nameCart(stores, request);
  const seen = cart && (await viewCart(stores, cart));
  if (cart === undefined || seen === undefined || seen.merged) {
    return {
      cart: await showCart(stores.deps, { version: 0, lines: [], durability: 'committed' }),
      setCookies: seen?.merged ? [dropCartCookie()] : [],
    };
  }
  return answer(stores, { ...cart, version: seen.version }, seen.contents, {
    ...seen,
    durability: seen.journalled ? 'journal' : 'committed',
  });
}

/** @returns undefined for a guest without a valid cookie. */
async function nameCart(stores: ServerStores, request: CartRequest): Promise<NamedCart | undefined> {
  const keys = stores.deps.settings.cookieKeys;
  const named = nameByCookie(keys, request);
  if (request.accountId === undefined) return named;
  if (named !== undefined && (await isStillTheirs(stores, named))) return named;
  const { accountId } = request;
  const guest = readUnmergedGuestCookie(keys, request);
  if (guest === undefined) return nameByAccount(stores, accountId);
  // The guest's pieces were acknowledged, so they are merged now as at sign-in.
  try {
    const merge = await prepareCartMerge(stores, guest, accountId);
    await stores.deps.db.transaction().execute((tx) => merge.mergeInto(tx, accountId));
    const cookies = (await merge.afterCommit()).map((cookie) => cookie.split(';', 1)[0]);
    const merged = nameByCookie(keys, { cookieHeader: cookies.join('; '), accountId });
    return merged && { ...merged, received: guest };
  } catch (error) {
    if (stores.postgres.isAway()) return { ...guest, received: guest };
    throw error instanceof Refusal
      ? error
      : unavailable('The cart cannot be found at this moment; try again', error);
  }
}

/**
 * Tells whether the guest's cart already had this operation: it was tried once, its answer was lost, and the cart was
 * merged since.
 * @throws Refusal 422 where the key belongs to another request
 */
async function wasAppliedToGuestCart(
  stores: ServerStores,
  { cartId, received }: NamedCart,
  { opId, fingerprint }: OrderKey,
): Promise<boolean> {
  if (received === undefined || received.cartId === cartId) return false;
  const [row] = await readCartRows(stores.read, [{ cartId, scope: received.cartId, opIds: [opId] }]).catch(
    (error: unknown) => {
      throw unavailable('The cart cannot be read at this moment; try again', error);
    },
  );
  const known = row!.known.get(opId);
  if (known !== undefined && known !== fingerprint) throw reusedKey();
  return known !== undefined;
}

async function answer(
  stores: ServerStores,
  cart: NamedCart,
  contents: { version: number; lines: NonNullable<Parameters<typeof showCart>[1]>['lines'] },
  seen: {
    durability: 'committed' | 'journal';
    journalled: boolean;
    awaits: Awaits | undefined;
    incomplete: boolean;
  },
): Promise<CartAnswer> {
  const cookie: CartCookie = {
    cartId: cart.cartId,
    version: Math.max(contents.version, cart.version),
    journalled: seen.journalled,
    accountId: cart.accountId,
    awaits: seen.journalled ? seen.awaits : undefined,
  };
  const shown = await showCart(stores.deps, {
    version: cookie.version,
    lines: contents.lines,
    durability: seen.durability,
    incomplete: seen.incomplete,
  });
  const keys = stores.deps.settings.cookieKeys;
  return {
    cart: shown,
    setCookies: sameCookie(cart.received, cookie) ? [] : writeCartCookies(keys, cookie, cart.received),
  };
}

function sameCookie(a: CartCookie | undefined, b: CartCookie): boolean {
  return (
    a !== undefined &&
    a.cartId === b.cartId &&
    a.version === b.version &&
    a.journalled === b.journalled &&
    a.accountId === b.accountId &&
    a.awaits?.sequence === b.awaits?.sequence &&
    a.awaits?.opIds.join(' ') === b.awaits?.opIds.join(' ')
  );
}
