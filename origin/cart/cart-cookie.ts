// Reads and writes the signed cookie of state `server`.
// It has the cart id, the newest version that this browser has seen, and whether a journal may exist. While a journal
// may exist, a second cookie names the operations that this browser has seen in it.
import { randomBytes } from 'node:crypto';
import { clearCookie, readSignedCookie, serializeCookie, signCookie } from '../web/request/signed-cookies.ts';

export interface CartCookie {
  cartId: string;
  /** A guest's copy in Redis may be served only at this version or a later one. */
  version: number;
  /** Whether the journal may contain operations of this cart. */
  journalled: boolean;
  /** The account that owns the cart; absent for a guest's cart. */
  accountId?: string | undefined;
  /** Absent where this browser waits for no journalled operation. */
  awaits?: Awaits | undefined;
}

/** What this browser has seen in the journal and not yet in Postgres. It shows when Redis was emptied. */
export interface Awaits {
  /** The newest of these operations, oldest first. */
  opIds: string[];
  /** The newest place in the journal among them. */
  sequence: number;
}

const cookieName = '__Host-cart';
/** A cookie of its own, because the previous release expects exactly one format of the first cookie. */
const awaitsName = '__Host-cart-journal';
const mostAwaited = 8;
const mostAwaitedLetters = 1_000;
/** Browsers keep no cookie longer than 400 days. */
const maxAgeSeconds = 400 * 86_400;
const pattern = /^s1\.([\w-]{22})\.(\d{1,10})\.([01])\.([1-9]\d{0,17})?$/;

/** @returns undefined where the cookie is absent or tampered with. The caller checks that it belongs to the visitor. */
export function readCartCookie(keys: string[], header: string | undefined): CartCookie | undefined {
  const match = pattern.exec(readSignedCookie(keys, header, cookieName) ?? '');
  if (match === null) return undefined;
  const cartId = match[1]!;
  const journalled = match[3] === '1';
  return {
    cartId,
    version: Number(match[2]),
    journalled,
    accountId: match[4],
    ...(journalled ? { awaits: readAwaits(readSignedCookie(keys, header, awaitsName), cartId) } : {}),
  };
}

function readAwaits(value: string | undefined, cartId: string): Awaits | undefined {
  const [id, json = ''] = value?.split('.') ?? [];
  if (id !== cartId) return undefined;
  const [sequence, ...opIds] = JSON.parse(Buffer.from(json, 'base64url').toString()) as [number, ...string[]];
  return { opIds, sequence };
}

/** @returns undefined where there is no operation; else as many of the newest as a cookie has room for */
export function awaitsOf(operations: { opId: string; sequence?: number }[]): Awaits | undefined {
  const opIds: string[] = [];
  let letters = 0;
  for (const { opId } of operations.slice(-mostAwaited).toReversed()) {
    letters += opId.length;
    if (opIds.length > 0 && letters > mostAwaitedLetters) break;
    opIds.unshift(opId);
  }
  if (opIds.length === 0) return undefined;
  return { opIds, sequence: Math.max(...operations.map(({ sequence = 0 }) => sequence)) };
}

/**
 * @param received what the browser sent; a second cookie that is no longer needed is cleared
 * @returns the `Set-Cookie` headers' values, the cart's last
 */
export function writeCartCookies(
  keys: string[],
  cookie: CartCookie,
  received: CartCookie | undefined,
): string[] {
  const cart = writeCartCookie(keys, cookie);
  if (cookie.awaits === undefined)
    return received?.awaits === undefined ? [cart] : [clearCookie(awaitsName), cart];
  const { sequence, opIds } = cookie.awaits;
  const json = Buffer.from(JSON.stringify([sequence, ...opIds])).toString('base64url');
  const value = signCookie(keys, awaitsName, `${cookie.cartId}.${json}`);
  return [serializeCookie(awaitsName, value, { maxAgeSeconds }), cart];
}

/** @returns the `Set-Cookie` header's value, signed by the first key. */
export function writeCartCookie(keys: string[], cookie: CartCookie): string {
  const mark = cookie.journalled ? 1 : 0;
  const value = `s1.${cookie.cartId}.${cookie.version}.${mark}.${cookie.accountId ?? ''}`;
  return serializeCookie(cookieName, signCookie(keys, cookieName, value), { maxAgeSeconds });
}

export function dropCartCookie(): string {
  return clearCookie(cookieName);
}

export function makeCartId(): string {
  return randomBytes(16).toString('base64url');
}
