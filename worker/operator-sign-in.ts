// Signs operators in to the dashboard: by a form and a signed cookie, or by HTTP Basic for programs.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Settings } from '../origin/config.ts';
import { readSignedCookie, serializeCookie, signCookie } from '../origin/web/request/signed-cookies.ts';

const cookieName = '__Host-operator';
const sessionSeconds = 8 * 3_600;

export interface OperatorSignIn {
  isSignedIn(request: Request): boolean;
  /** @returns a `Set-Cookie` value, or undefined where the password is wrong. */
  signIn(password: string): string | undefined;
}

/** Without a password in the settings nobody is let in. A new password ends the sessions of the old one. */
export function createOperatorSignIn(
  settings: Pick<Settings, 'operatorPassword' | 'cookieKeys'>,
  now: () => number = Date.now,
): OperatorSignIn {
  const { operatorPassword, cookieKeys } = settings;
  const mark = digest(operatorPassword ?? '')
    .toString('base64url')
    .slice(0, 16);
  const isPassword = (given: string) =>
    operatorPassword !== undefined && timingSafeEqual(digest(given), digest(operatorPassword));

  return {
    isSignedIn(request) {
      if (operatorPassword === undefined) return false;
      const basic = readBasic(request.headers.get('Authorization'));
      if (basic !== undefined) return basic.name === 'operator' && isPassword(basic.password);
      const [until, of] =
        readSignedCookie(cookieKeys, request.headers.get('Cookie') ?? undefined, cookieName)?.split('~') ??
        [];
      return of === mark && Number(until) > now();
    },
    signIn(password) {
      if (!isPassword(password)) return undefined;
      const value = signCookie(cookieKeys, cookieName, `${now() + sessionSeconds * 1_000}~${mark}`);
      return serializeCookie(cookieName, value, { maxAgeSeconds: sessionSeconds });
    },
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function readBasic(header: string | null): { name: string; password: string } | undefined {
  if (header === null || !/^basic /i.test(header)) return undefined;
  const text = Buffer.from(header.slice(6), 'base64').toString();
  const colon = text.indexOf(':');
  return { name: text.slice(0, Math.max(colon, 0)), password: text.slice(colon + 1) };
}
