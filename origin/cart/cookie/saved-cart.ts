// Where state `cookie` meets accounts and orders: an account's pieces are saved in Postgres, so that they outlive one browser.
import type { Deps } from '../../deps.ts';
import type { Tx } from '../../postgres/database.ts';
import { reusedKey } from '../../web/idempotency.ts';
import { addAllLines, type CartLine } from '../cart-state.ts';
import type { CartCheckout, CartMerge } from '../carts.ts';
import type { RecordedOperation } from '../server/cart-copies.ts';
import { lockCart, storeCart } from '../server/locked-cart.ts';
import { ensureAccountCart } from '../server/named-cart.ts';
import { countThatFit, dropCookieCart, newCookieCart, writeCookieCart } from './cart-in-cookie.ts';
import { type CookieCart, type OperationMark, operationMark, withNewest } from './encode-cart.ts';

/** The cookie's id makes it once: the same cookie again, after a lost answer, brings nothing a second time. */
export function prepareCookieMerge(keys: string[], guest: CookieCart): CartMerge {
  let merged: CartLine[] | undefined;
  return {
    async mergeInto(tx, accountId) {
      const opId = `sign-in:${guest.id}`;
      const cartId = await ensureAccountCart(tx, accountId);
      const saved = await lockCart(tx, cartId, [opId]);
      if (saved.known.has(opId)) {
        merged = saved.state.lines;
        return;
      }
      merged = addAllLines(saved.state.lines, guest.lines);
      const state = { ...saved.state, version: saved.state.version + 1, lines: merged };
      await storeCart(tx, cartId, state, [{ opId, fingerprint: '' }]);
    },
    async settle() {
      if (merged === undefined) return [];
      const cart: CookieCart = { ...newCookieCart(), version: guest.version + 1, lines: merged };
      // What does not fit stays saved with the account.
      return [writeCookieCart(keys, { ...cart, lines: merged.slice(0, countThatFit(keys, cart)) })];
    },
  };
}

/** @throws where Postgres does not answer: then the cookie stays. */
export async function saveAtSignOut(
  deps: Pick<Deps, 'db'>,
  cart: CookieCart | undefined,
  accountId: string | undefined,
): Promise<string[]> {
  if (cart !== undefined && accountId !== undefined) {
    await deps.db.transaction().execute((tx) => saveLines(tx, accountId, cart.lines, []));
  }
  return [dropCookieCart()];
}

export function prepareCookieCheckout(
  keys: string[],
  cart: CookieCart,
  accountId: string | undefined,
): CartCheckout {
  let mark: OperationMark;
  let ordered = false;
  return {
    async freeze(_tx, order) {
      mark = operationMark(order.opId, order.fingerprint);
      if (cart.operations.some(({ opId }) => opId === mark.opId)) throw reusedKey();
      return cart.lines;
    },
    async endGeneration(tx) {
      if (accountId !== undefined) await saveLines(tx, accountId, [], []);
      ordered = true;
    },
    async settle() {
      if (!ordered) return [];
      const next = { ...cart, version: cart.version + 1, lines: [] };
      return [writeCookieCart(keys, { ...next, operations: withNewest(mark, cart.operations) })];
    },
  };
}

async function saveLines(
  tx: Tx,
  accountId: string,
  lines: CartLine[],
  recorded: RecordedOperation[],
): Promise<void> {
  const cartId = await ensureAccountCart(tx, accountId);
  const { state } = await lockCart(tx, cartId, []);
  await storeCart(tx, cartId, { ...state, version: state.version + 1, lines }, recorded);
}
