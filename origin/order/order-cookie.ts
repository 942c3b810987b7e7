// The signed cookie that lists a guest's newest twenty orders. It is what lets the guest see them.
import type { Settings } from '../config.ts';
import { idPattern } from '../web/api/api.ts';
import { clearCookie, readSignedCookie, serializeCookie, signCookie } from '../web/request/signed-cookies.ts';

const cookieName = '__Host-orders';
const mostOrders = 20;
const keptSeconds = 180 * 86_400;

export function readOrderIds(
  settings: Pick<Settings, 'cookieKeys'>,
  cookieHeader: string | undefined,
): string[] {
  const value = readSignedCookie(settings.cookieKeys, cookieHeader, cookieName) ?? '';
  return value.split('~').filter((id) => idPattern.test(id));
}

/** At sign-out and when the account is deleted: whoever uses the browser next opens no order with it. */
export function forgetOrders(): string {
  return clearCookie(cookieName);
}

/** @returns a `Set-Cookie` value that adds the order. */
export function rememberOrder(
  settings: Pick<Settings, 'cookieKeys'>,
  cookieHeader: string | undefined,
  orderId: string,
): string {
  const others = readOrderIds(settings, cookieHeader).filter((id) => id !== orderId);
  const value = [orderId, ...others].slice(0, mostOrders).join('~');
  return serializeCookie(cookieName, signCookie(settings.cookieKeys, cookieName, value), {
    maxAgeSeconds: keptSeconds,
  });
}
