// The signed cookie of state `server`: cart id, newest version this browser has seen, and whether a journal may exist.
// While it does, a second cookie names the operations that this browser has seen in it.
import { randomBytes } from 'node:crypto';
import { clearCookie, readSignedCookie, serializeCookie, signCookie } from '../web/request/signed-cookies.ts';

export interface CartCookie {
  cartId: string;
  /** A guest's copy in Redis serves only at or past it. */
  version: number;
  /** Operations of this cart may stand in the journal. */
  journalled: boolean;
  /** Whose cart it is; a guest's where absent. */
  accountId?: string | undefined;
  /** Absent: nothing that was journalled is awaited. */
  awaits?: Awaits | undefined;
}

/** What this browser has seen in the journal and not in Postgres: an emptied Redis is noticed by it. */
export interface Awaits {
  /** The newest of them, in order. */
  opIds: string[];
  /** The newest place in the journal among them. */
  sequence: number;
}

const cookieName = '__Host-cart';
/** Apart, because the previous release reads the first cookie only as a whole. */
const awaitsName = '__Host-cart-journal';
const mostAwaited = 8;
const mostAwaitedLetters = 1_000;
/** Browsers keep no cookie longer. */
const maxAgeSeconds = 400 * 86_400;
const pattern = /^s1\.([\w-]{22})\.(\d{1,10})\.([01])\.([1-9]\d{0,17})?$/;

/** @returns undefined where it is absent or changed; whether it fits who asks is for the caller to say. */
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

/** @returns undefined where nothing is awaited; else as many of the newest as a cookie has room for. */
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
 * @param received what the browser sent: a second cookie that says nothing any longer is cleared
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
