// The signed cookie of state `server`: cart id, newest version this browser has seen, and whether a journal may exist.
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
}

const cookieName = '__Host-cart';
/** Browsers keep no cookie longer. */
const maxAgeSeconds = 400 * 86_400;
const pattern = /^s1\.([\w-]{22})\.(\d{1,10})\.([01])\.([1-9]\d{0,17})?$/;

/** @returns undefined where it is absent or changed; whether it fits who asks is for the caller to say. */
export function readCartCookie(keys: string[], header: string | undefined): CartCookie | undefined {
  const match = pattern.exec(readSignedCookie(keys, header, cookieName) ?? '');
  if (match === null) return undefined;
  return {
    cartId: match[1]!,
    version: Number(match[2]),
    journalled: match[3] === '1',
    accountId: match[4],
  };
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
