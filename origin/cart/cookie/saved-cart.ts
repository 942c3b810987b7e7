// Sign-in, sign-out and checkout of state `cookie`: an account's cart is saved in Postgres, so that it outlives one
// browser.
import { createHash } from 'node:crypto';
import type { Deps } from '../../deps.ts';
import type { Tx } from '../../schema.ts';
import { reusedKey } from '../../web/api/idempotency.ts';
import { ensureAccountCart, readAccountCartLines } from '../account-cart.ts';
import { addAllLines, type CartLine, keepMost, subtractLines } from '../cart-contents.ts';
import type { CartCheckout, CartMerge } from '../carts.ts';
import { orderOnce } from '../order-once.ts';
import { lockCart, storeCart } from '../server/locked-cart.ts';
import { cartIdOfAccount, countThatFit, dropCookieCart, writeCookieCart } from './cart-in-cookie.ts';
import { type CookieCart, encodeCart, type OperationMark, operationMark, withNewest } from './encode-cart.ts';

/**
 * The cookie's id makes it once: a guest's cookie again, after a lost answer, brings nothing a second time, and
 * neither does a cookie that has the account's pieces already.
 */
export function prepareCookieMerge({ db }: Pick<Deps, 'db'>, keys: string[], browser: CookieCart): CartMerge {
  let merged: { owner: string; lines: CartLine[] } | undefined;
  const cookieFor = (owner: string, lines: CartLine[]): string => {
    const cart = { ...browser, id: cartIdOfAccount(owner), version: browser.version + 1, lines };
    // What does not fit stays saved with the account.
    return writeCookieCart(keys, { ...cart, lines: lines.slice(0, countThatFit(keys, cart)) });
  };
  return {
    async mergeInto(tx, accountId) {
      const opId = `sign-in:${browser.id}`;
      const cartId = await ensureAccountCart(tx, accountId);
      const saved = await lockCart(tx, cartId, [opId]);
      const isOwn = browser.id === cartIdOfAccount(accountId);
      const lines = isOwn
        ? keepMost(saved.contents.lines, browser.lines)
        : saved.known.has(opId)
          ? saved.contents.lines
          : addAllLines(saved.contents.lines, browser.lines);
      merged = { owner: accountId, lines };
      if (saved.known.has(opId)) return;
      const contents = { ...saved.contents, version: saved.contents.version + 1, lines };
      await storeCart(tx, cartId, contents, isOwn ? [] : [{ opId, fingerprint: '' }]);
    },
    async afterCommit() {
      return merged === undefined ? [] : [cookieFor(merged.owner, merged.lines)];
    },
    async catchUp(accountId) {
      if (browser.id === cartIdOfAccount(accountId)) return [];
      const saved = await readAccountCartLines(db, accountId).catch(() => undefined);
      return saved === undefined ? [] : [cookieFor(accountId, saved)];
    },
  };
}

/** @throws where Postgres does not answer: then the cookie stays. */
export async function saveAtSignOut(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  cart: CookieCart | undefined,
  accountId: string | undefined,
): Promise<string[]> {
  if (cart !== undefined && accountId !== undefined) {
    const isWhole = (saved: CartLine[]) =>
      cart.id === cartIdOfAccount(accountId) &&
      countThatFit(settings.cookieKeys, { ...cart, lines: saved }) === saved.length;
    // What never was in this browser was not taken out by it.
    const change = (saved: CartLine[]) => (isWhole(saved) ? cart.lines : keepMost(saved, cart.lines));
    await db.transaction().execute((tx) => saveLines(tx, accountId, change));
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
  const cookieAfter = (order: OperationMark, lines: CartLine[]) =>
    writeCookieCart(keys, {
      ...cart,
      version: cart.version + 1,
      lines: subtractLines(cart.lines, lines),
      operations: withNewest(order, cart.operations),
    });
  return {
    async freeze(tx, order) {
      mark = operationMark(order.opId, order.fingerprint);
      if (cart.operations.some(({ opId }) => opId === mark.opId)) throw reusedKey();
      if (cart.lines.length > 0) await orderOnce(tx, cart.id, nameOf(cart), order);
      return cart.lines;
    },
    async endGeneration(tx) {
      if (accountId !== undefined) await saveLines(tx, accountId, () => []);
      ordered = true;
    },
    async afterCommit() {
      if (!ordered) return [];
      return [cookieAfter(mark, cart.lines)];
    },
    async catchUp(order, lines) {
      const ordered = operationMark(order.opId, order.fingerprint);
      const isTold = cart.operations.some(({ opId }) => opId === ordered.opId);
      return isTold ? [] : [cookieAfter(ordered, lines)];
    },
  };
}

/** Of one browser's version: several hold an account's cart under the same id, and each counts by itself. */
function nameOf(cart: CookieCart): string {
  return createHash('sha256').update(encodeCart(cart)).digest('base64url');
}

async function saveLines(
  tx: Tx,
  accountId: string,
  change: (saved: CartLine[]) => CartLine[],
): Promise<void> {
  const cartId = await ensureAccountCart(tx, accountId);
  const { contents } = await lockCart(tx, cartId, []);
  await storeCart(
    tx,
    cartId,
    { ...contents, version: contents.version + 1, lines: change(contents.lines) },
    [],
  );
}
