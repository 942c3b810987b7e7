// The signed cookie that lists a guest's newest twenty orders. It is what lets the guest see them.
import type { Settings } from '../config.ts';
import type { Deps } from '../deps.ts';
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

/**
 * At sign-out and when the account is deleted: whoever uses the browser next opens no order with it. The account's own
 * orders stay named: they open for nobody else, and whoever asks for one is sent to sign in.
 * @returns a `Set-Cookie` value
 */
export async function leaveOrders(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  { cookieHeader, accountId }: { cookieHeader: string | undefined; accountId?: string | undefined },
): Promise<string> {
  const ids = readOrderIds(settings, cookieHeader);
  if (ids.length === 0 || accountId === undefined) return clearCookie(cookieName);
  const own = await db
    .selectFrom('orders')
    .select('id')
    .where('account_id', '=', accountId)
    .where('id', 'in', ids)
    .execute();
  return own.length === 0
    ? clearCookie(cookieName)
    : nameOrders(
        settings,
        own.map(({ id }) => id),
      );
}

/** @returns a `Set-Cookie` value that adds the order. */
export function rememberOrder(
  settings: Pick<Settings, 'cookieKeys'>,
  cookieHeader: string | undefined,
  orderId: string,
): string {
  const others = readOrderIds(settings, cookieHeader).filter((id) => id !== orderId);
  return nameOrders(settings, [orderId, ...others].slice(0, mostOrders));
}

function nameOrders(settings: Pick<Settings, 'cookieKeys'>, ids: string[]): string {
  return serializeCookie(cookieName, signCookie(settings.cookieKeys, cookieName, ids.join('~')), {
    maxAgeSeconds: keptSeconds,
  });
}
