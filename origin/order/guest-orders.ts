// Lets guests see their orders by a signed cookie that lists the newest twenty, or by the signed link of a mail.
// The link is sent again on request.

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Settings } from '../config.ts';
import type { Deps } from '../deps.ts';
import type { Mail } from '../mail/mail.ts';
import { addToOutbox } from '../outbox/events.ts';
import { idPattern } from '../web/api/api.ts';
import { writeOnce } from '../web/api/idempotency.ts';
import { clearCookie, readSignedCookie, serializeCookie, signCookie } from '../web/request/signed-cookies.ts';

const cookieName = '__Host-orders';
const mostOrders = 20;
const keptSeconds = 180 * 86_400;

/** Reads the ids of the guest's newest twenty orders from the signed cookie, which lets the guest see them. */
export function readOrderIds(
  settings: Pick<Settings, 'cookieKeys'>,
  cookieHeader: string | undefined,
): string[] {
  const value = readSignedCookie(settings.cookieKeys, cookieHeader, cookieName) ?? '';
  return value.split('~').filter((id) => idPattern.test(id));
}

/**
 * Removes guests' orders from the cookie at sign-out and when the account is deleted, so that the browser's next user
 * cannot open them. The account's own orders stay: only the account can open them, and this browser is asked to sign
 * in.
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

/** @returns a `Set-Cookie` value that adds the order */
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

const validDays = 90;

type LinkSettings = Pick<Settings, 'cookieKeys' | 'siteUrl'>;

/** The number is random. A restored database may give an old id to another order, which an old key must not open. */
interface LinkedOrder {
  id: string;
  number: string;
}

/** The signed link to an order in a mail: it opens that one order in any browser, for 90 days. */
export function orderLink(settings: LinkSettings, order: LinkedOrder, now = Date.now()): string {
  const expires = String(Math.ceil(now / 1_000) + validDays * 86_400);
  // The link ends with a digit, because mail programs may cut off a final sign as the end of a sentence.
  const key = `${signature(settings.cookieKeys[0]!, order, expires)}.${expires}`;
  return `${settings.siteUrl}/orders/${order.id}?key=${key}`;
}

/** Compares in constant time, with every key that still verifies. */
export function opensOrder(
  { cookieKeys }: Pick<Settings, 'cookieKeys'>,
  order: LinkedOrder,
  key: string,
  now = Date.now(),
): boolean {
  const [, signed, expires] = /^([\w-]{43})\.(\d{1,12})$/.exec(key) ?? [];
  if (signed === undefined || expires === undefined) return false;
  const given = Buffer.from(signed, 'latin1');
  const isSigned = cookieKeys.some((cookieKey) =>
    timingSafeEqual(given, Buffer.from(signature(cookieKey, order, expires), 'latin1')),
  );
  return isSigned && Number(expires) * 1_000 > now;
}

/** Makes 43 characters. Its text differs from that of a cookie's signature, so neither can stand for the other. */
function signature(cookieKey: string, { id, number }: LinkedOrder, expires: string): string {
  return createHmac('sha256', cookieKey)
    .update(`link to an order\n${id}\n${number}\n${expires}`)
    .digest('base64url');
}

/**
 * Template of the mail with an order's link, for a person who knows number and e-mail. Answer and timing are the same
 * for all, because only the worker looks the order up.
 */
export const lookUpTemplate = 'order-link';

interface LookUp {
  number: string;
  email: string;
  scope: string | undefined;
  idempotencyKey: string | undefined;
}

export async function requestOrderLink(
  deps: Pick<Deps, 'db' | 'wakeWorker'>,
  { number, email, scope, idempotencyKey }: LookUp,
): Promise<void> {
  const data = { number: normaliseNumber(number) };
  const body = { number, email };
  const write = { scope, key: idempotencyKey, method: 'POST', path: '/api/order-lookups', body };
  await writeOnce(deps.db, write, async (tx) => {
    await addToOutbox(tx, 'mail', { to: email, template: lookUpTemplate, data });
  });
  deps.wakeWorker();
}

/** Composes the mail for its job. @returns undefined where number and e-mail do not belong together */
export async function prepareOrderLink(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  to: string,
  data: Record<string, unknown>,
): Promise<Mail | undefined> {
  const order = await db
    .selectFrom('orders')
    .select(['id', 'number', 'email'])
    .where('number', '=', String(data['number']))
    .executeTakeFirst();
  if (order?.email == null || order.email.toLowerCase() !== to.toLowerCase()) return undefined;
  return {
    to: order.email,
    subject: `Your order ${order.number}`,
    paragraphs: [
      'You asked for the link to your order. It opens this order for 90 days.',
      { link: orderLink(settings, order), text: 'See your order' },
      'If it was not you, there is nothing to do.',
    ],
  };
}

/** Normalises a number that a person typed: lower case, other hyphens or none, letters that look like digits. */
export function normaliseNumber(text: string): string {
  const drawn = text
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replace(/^MC/, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
  return `MC-${drawn.slice(0, 5)}-${drawn.slice(5)}`;
}
