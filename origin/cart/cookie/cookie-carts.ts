// Cart state `cookie`: the browser holds the cart. An account's cart is saved at sign-out and merged at sign-in.
import type { Deps } from '../../deps.ts';
import { type CartContents, emptyCart } from '../cart-contents.ts';
import type { CartAnswer, Carts } from '../carts.ts';
import { checkOperation, refusalFor } from '../check-operation.ts';
import { decideCart } from '../decide-batch.ts';
import { showCart } from '../show-cart.ts';
import { newCookieCart, readCookieCart, writeCookieCart } from './cart-in-cookie.ts';
import { type CookieCart, operationMark, withNewest } from './encode-cart.ts';
import { prepareCookieCheckout, prepareCookieMerge, saveAtSignOut } from './saved-cart.ts';

export function createCookieCarts(deps: Deps): Carts {
  const keys = deps.settings.cookieKeys;
  const answer = async (cart: CookieCart, setCookies: string[]): Promise<CartAnswer> => ({
    cart: await showCart(deps, { version: cart.version, lines: cart.lines, durability: 'client' }),
    setCookies,
  });
  return {
    view: ({ cookieHeader }) => answer(readCookieCart(keys, cookieHeader) ?? newCookieCart(), []),
    async write({ cookieHeader }, operation) {
      const checked = await checkOperation(deps, operation);
      const cart = readCookieCart(keys, cookieHeader) ?? newCookieCart();
      const mark = operationMark(operation.opId, operation.fingerprint);
      const decision = decideCart(asState(cart), knownMarks(cart), [], [{ ...checked, ...mark }]);
      const refusal = refusalFor(decision.outcomes[0]!, operation.variantId);
      if (refusal !== undefined) throw refusal;
      const next: CookieCart = {
        id: cart.id,
        version: decision.contents.version,
        lines: decision.contents.lines,
        operations: withNewest(decision.recorded[0], cart.operations),
      };
      return answer(next, [writeCookieCart(keys, next)]);
    },
    scope({ cookieHeader, accountId }) {
      if (accountId !== undefined) return `account:${accountId}`;
      const cart = readCookieCart(keys, cookieHeader);
      return cart && `cart:${cart.id}`;
    },
    prepareMerge: async ({ cookieHeader }) =>
      prepareCookieMerge(deps, keys, readCookieCart(keys, cookieHeader) ?? newCookieCart()),
    leaveWithAccount: ({ cookieHeader, accountId }) =>
      saveAtSignOut(deps, readCookieCart(keys, cookieHeader), accountId),
    prepareCheckout: async ({ cookieHeader, accountId }) =>
      prepareCookieCheckout(keys, readCookieCart(keys, cookieHeader) ?? newCookieCart(), accountId),
    close: async () => undefined,
  };
}

function asState(cart: CookieCart): CartContents {
  return { ...emptyCart, version: cart.version, lines: cart.lines };
}

function knownMarks(cart: CookieCart): Map<string, string> {
  return new Map(cart.operations.map((mark) => [mark.opId, mark.fingerprint]));
}
