// Signed `__Host-` cookies, compared byte for byte as received. A changed cookie counts as absent.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';

export const maxCookieBytes = 4_096;

interface CookieOptions {
  /** Absent: the cookie ends with the browser session. */
  maxAgeSeconds?: number;
}

/**
 * Signs a cookie's name and value, so that a value is not valid in another cookie. Values must be plain cookie
 * characters (base64url, digits, `.`, `-`, `_`, `~`), because nothing is encoded or unquoted.
 */
export function signCookie(keys: string[], name: string, value: string): string {
  return `${value}.${signature(keys[0]!, name, value)}`;
}

/** @returns the value; undefined where the cookie is absent, changed or signed by an unknown key */
export function readSignedCookie(
  keys: string[],
  header: string | undefined,
  name: string,
): string | undefined {
  const received = findCookie(header, name);
  if (received === undefined) return undefined;
  const dot = received.lastIndexOf('.');
  if (dot < 0) return undefined;
  const value = received.slice(0, dot);
  const given = Buffer.from(received.slice(dot + 1), 'latin1');
  for (const key of keys) {
    const expected = Buffer.from(signature(key, name, value), 'latin1');
    if (given.length === expected.length && timingSafeEqual(given, expected)) return value;
  }
  return undefined;
}

/** @returns the value of a `Set-Cookie` header */
export function serializeCookie(name: string, value: string, options: CookieOptions = {}): string {
  if (name.length + value.length > maxCookieBytes) {
    throw new RangeError(
      `Cannot set cookie as '${name}' has ${name.length + value.length} bytes, more than ${maxCookieBytes}`,
    );
  }
  const maxAge = options.maxAgeSeconds === undefined ? '' : `; Max-Age=${options.maxAgeSeconds}`;
  return `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax${maxAge}`;
}

export function clearCookie(name: string): string {
  return serializeCookie(name, '', { maxAgeSeconds: 0 });
}

function signature(key: string, name: string, value: string): string {
  return createHmac('sha256', key).update(`${name}=${value}`).digest('base64url');
}

/** If a name is sent twice, the header does not show which cookie was planted. The first one counts. */
function findCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  const prefix = `${name}=`;
  for (const part of header.split(';')) {
    const cookie = part.trimStart();
    if (cookie.startsWith(prefix)) return cookie.slice(prefix.length);
  }
  return undefined;
}

/**
 * Adds a domain's cookies to a JSON answer.
 * @param setCookies `Set-Cookie` values, each a header line of its own
 */
export function setCookies(c: Context<AppEnv>, setCookies: string[]): void {
  for (const cookie of setCookies) c.header('Set-Cookie', cookie, { append: true });
}

/** @returns the `Cookie` header that a browser would send after this answer */
export function afterCookies(header: string | undefined, setCookies: string[]): string | undefined {
  const pairs = new Map(
    (header ?? '')
      .split(/;\s*/)
      .filter(Boolean)
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair]),
  );
  for (const line of setCookies) {
    const [pair = ''] = line.split(';', 1);
    pairs.set(pair.slice(0, pair.indexOf('=')), pair);
  }
  return pairs.size === 0 ? undefined : [...pairs.values()].join('; ');
}
