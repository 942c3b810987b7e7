// Cart state `cookie`: the browser holds the cart. An account's cart is saved at sign-out and merged at sign-in.

import { createHash } from 'node:crypto';
import type { Deps } from '../../deps.ts';
import type { Tx } from '../../schema.ts';
import { reusedKey } from '../../web/api/idempotency.ts';
import { ensureAccountCart, orderOnce, readAccountCartLines } from '../account-cart.ts';
import { showCart } from '../cart.ts';
import {
  addAllLines,
  type CartContents,
  type CartLine,
  emptyCart,
  keepMost,
  subtractLines,
} from '../cart-contents.ts';
import type { CartAnswer, CartCheckout, CartMerge, Carts } from '../carts.ts';
import { checkOperation, refusalFor } from '../check-operation.ts';
import { decideCart } from '../decide-batch.ts';
import { lockCart, storeCart } from '../server/locked-cart.ts';
import {
  type CookieCart,
  cartIdOfAccount,
  countThatFit,
  dropCookieCart,
  encodeCart,
  newCookieCart,
  type OperationMark,
  operationMark,
  readCookieCart,
  withNewest,
  writeCookieCart,
} from './cart-in-cookie.ts';

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

/**
 * Merges this browser's cart into the account's. The cookie's id is the operation id, so a guest's cookie that comes
 * again after a lost answer adds nothing. A cookie that already holds the account's pieces adds nothing either.
 */
function prepareCookieMerge({ db }: Pick<Deps, 'db'>, keys: string[], browser: CookieCart): CartMerge {
  let merged: { owner: string; lines: CartLine[] } | undefined;
  const cookieFor = (owner: string, lines: CartLine[]): string => {
    const cart = { ...browser, id: cartIdOfAccount(owner), version: browser.version + 1, lines };
    // Lines that do not fit into the cookie stay saved with the account.
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

/** @throws where Postgres does not answer; the browser then keeps its cookie */
async function saveAtSignOut(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  cart: CookieCart | undefined,
  accountId: string | undefined,
): Promise<string[]> {
  if (cart !== undefined && accountId !== undefined) {
    const isWhole = (saved: CartLine[]) =>
      cart.id === cartIdOfAccount(accountId) &&
      countThatFit(settings.cookieKeys, { ...cart, lines: saved }) === saved.length;
    // A line that never was in this browser was not removed by it, so the saved line stays.
    const change = (saved: CartLine[]) => (isWhole(saved) ? cart.lines : keepMost(saved, cart.lines));
    await db.transaction().execute((tx) => saveLines(tx, accountId, change));
  }
  return [dropCookieCart()];
}

function prepareCookieCheckout(
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

/**
 * Names one version of one browser's cart. Several browsers hold an account's cart under one id, and each may be
 * ordered.
 */
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
