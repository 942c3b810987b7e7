// Defines a session's lifetime, its token, and what its owner sees of it.
// The token is 256 random bits in a signed cookie. The database holds the token's hash.

import { createHash, createHmac, randomBytes } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import type { Settings } from '../config.ts';
import { clearCookie, readSignedCookie, serializeCookie, signCookie } from '../web/request/signed-cookies.ts';

/** When and where somebody signed in. */
export interface SignInTrace {
  at: string;
  device: string;
  /** An IPv4 address, or the /64 network of an IPv6 address. */
  address: string;
}

const exampleSession = {
  id: '7',
  device: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0',
  createdAt: '2026-11-30T09:30:00.000Z',
  lastSeenAt: '2026-11-30T10:30:00.000Z',
  current: true,
  previousSignIn: { at: '2026-11-29T18:00:00.000Z', device: 'Firefox', address: '192.0.2.1' },
};

export const SessionSchema = z
  .object({
    id: z.string(),
    device: z.string(),
    createdAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime(),
    current: z.boolean(),
    previousSignIn: z
      .object({ at: z.iso.datetime(), device: z.string(), address: z.string() })
      .optional()
      .openapi({ description: 'The sign-in before the one that began this session' }),
  })
  .openapi('Session', { example: exampleSession });

export const SessionListSchema = z
  .object({ items: z.array(SessionSchema) })
  .openapi('SessionList', { example: { items: [exampleSession] } });

export type Session = z.infer<typeof SessionSchema>;

const cookieName = '__Host-session';
/** A session ends after this time without use, and at the latest after `longestDays`. */
export const idleDays = 30;
export const longestDays = 180;
/** Staff sign in once a day, and an unattended screen must not stay signed in. */
export const staffIdleMinutes = 30;
export const staffLongestHours = 12;

/**
 * @param retryOf scope and idempotency key. A repeated request then gets the same token, so that a sign-in whose
 * answer was lost leaves one session. Undefined: the token is random.
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

/** @returns the hash of the cookie's token, if the signature is valid */
export function readTokenHash(
  settings: Pick<Settings, 'cookieKeys'>,
  cookieHeader: string | undefined,
): string | undefined {
  const token = readSignedCookie(settings.cookieKeys, cookieHeader, cookieName);
  return token === undefined ? undefined : hashToken(token);
}
