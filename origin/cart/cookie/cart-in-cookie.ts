// Reads and writes the cart as a signed cookie of at most 4,096 bytes. A tampered cookie counts as absent.
import { createHash, randomBytes } from 'node:crypto';
import { Refusal } from '../../errors.ts';
import {
  clearCookie,
  maxCookieBytes,
  readSignedCookie,
  serializeCookie,
  signCookie,
} from '../../web/request/signed-cookies.ts';
import { type CookieCart, decodeCart, encodeCart } from './encode-cart.ts';

const cookieName = '__Host-cart';
const maxAgeSeconds = 400 * 86_400;
/** Tells it from the cookie of another state, which is then absent. */
const prefix = 'c1.';

export function newCookieCart(): CookieCart {
  return { id: randomBytes(12).toString('base64url'), version: 0, lines: [], operations: [] };
}

/**
 * What a browser holds for an account bears the same id in every browser, so that the account's own pieces are never
 * added to themselves.
 */
export function cartIdOfAccount(accountId: string): string {
  return createHash('sha256')
    .update(`cart of account ${accountId}`)
    .digest()
    .subarray(0, 12)
    .toString('base64url');
}

export function readCookieCart(keys: string[], header: string | undefined): CookieCart | undefined {
  const value = readSignedCookie(keys, header, cookieName);
  return value?.startsWith(prefix) ? decodeCart(value.slice(prefix.length)) : undefined;
}

/** @throws Refusal 422 `cart-limit` that says how many lines fit; the cookie that the browser has stays as it is. */
export function writeCookieCart(keys: string[], cart: CookieCart): string {
  if (!fitsCookie(keys, cart)) {
    const fit = countThatFit(keys, cart);
    throw new Refusal(
      422,
      'cart-limit',
      `This cart is kept in a cookie that is full: ${fit} lines fit; remove one to add another`,
      { details: { linesThatFit: fit } },
    );
  }
  return serializeCookie(cookieName, signed(keys, cart), { maxAgeSeconds });
}

export function dropCookieCart(): string {
  return clearCookie(cookieName);
}

export function fitsCookie(keys: string[], cart: CookieCart): boolean {
  return cookieName.length + signed(keys, cart).length <= maxCookieBytes;
}

/** The first lines that fit; binary search, because each try signs. */
export function countThatFit(keys: string[], cart: CookieCart): number {
  let fit = 0;
  let over = cart.lines.length + 1;
  while (over - fit > 1) {
    const middle = Math.floor((fit + over) / 2);
    if (fitsCookie(keys, { ...cart, lines: cart.lines.slice(0, middle) })) fit = middle;
    else over = middle;
  }
  return fit;
}

function signed(keys: string[], cart: CookieCart): string {
  return signCookie(keys, cookieName, prefix + encodeCart(cart));
}
