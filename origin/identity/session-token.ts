// Session tokens: 256 random bits in a signed cookie; the database holds their hash.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Settings } from '../config.ts';
import { clearCookie, readSignedCookie, serializeCookie, signCookie } from '../web/request/signed-cookies.ts';

const cookieName = '__Host-session';
export const idleDays = 30;
export const longestDays = 180;

/**
 * @param retryOf scope and idempotency key: the same request again gets the same token, so that a sign-in whose
 * answer was lost leaves one session and not two. Random where undefined.
 */
export function makeToken(cookieKeys: string[], retryOf: string | undefined): string {
  if (retryOf === undefined) return randomBytes(32).toString('base64url');
  return createHmac('sha256', cookieKeys[0]!).update(`session token\n${retryOf}`).digest('base64url');
}

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

export function sessionCookie(settings: Pick<Settings, 'cookieKeys'>, token: string): string {
  return serializeCookie(cookieName, signCookie(settings.cookieKeys, cookieName, token), {
    maxAgeSeconds: longestDays * 86_400,
  });
}

export function endedSessionCookie(): string {
  return clearCookie(cookieName);
}

/** @returns the hash of the token that the cookie bears, if we signed it. */
export function readTokenHash(
  settings: Pick<Settings, 'cookieKeys'>,
  cookieHeader: string | undefined,
): string | undefined {
  const token = readSignedCookie(settings.cookieKeys, cookieHeader, cookieName);
  return token === undefined ? undefined : hashToken(token);
}
