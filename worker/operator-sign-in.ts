// Signs operators in to the dashboard: by a form and a signed cookie, or by HTTP Basic for programs.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Settings } from '../origin/config.ts';
import { readSignedCookie, serializeCookie, signCookie } from '../origin/web/request/signed-cookies.ts';

const cookieName = '__Host-operator';
const sessionSeconds = 8 * 3_600;

export interface OperatorSignIn {
  /** @returns who signed in, for the log of deeds; undefined where nobody did */
  whoIs(request: Request): string | undefined;
  /**
   * @param name as the operator gives it; all share one password
   * @returns a `Set-Cookie` value, or undefined where the password is wrong.
   */
  signIn(password: string, name?: string): string | undefined;
}

/** @returns the name of an HTTP Basic header; undefined where there is none */
export function readBasicName(request: Request): string | undefined {
  return readBasic(request.headers.get('Authorization'))?.name;
}

/** Where no name was given. */
const nobody = 'operator';
const mostNameLength = 60;

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
    whoIs(request) {
      if (operatorPassword === undefined) return undefined;
      const basic = readBasic(request.headers.get('Authorization'));
      if (basic !== undefined)
        return basic.name === 'operator' && isPassword(basic.password) ? nobody : undefined;
      const [until, of, name = ''] =
        readSignedCookie(cookieKeys, request.headers.get('Cookie') ?? undefined, cookieName)?.split('~') ??
        [];
      if (of !== mark || Number(until) <= now()) return undefined;
      return Buffer.from(name, 'base64url').toString() || nobody;
    },
    signIn(password, name = '') {
      if (!isPassword(password)) return undefined;
      const shortName = Buffer.from(name.trim().slice(0, mostNameLength)).toString('base64url');
      const value = signCookie(
        cookieKeys,
        cookieName,
        `${now() + sessionSeconds * 1_000}~${mark}~${shortName}`,
      );
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
