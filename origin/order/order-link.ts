// The signed link to an order in a mail: it opens that one order in any browser, for 90 days.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Settings } from '../config.ts';

const validDays = 90;

type LinkSettings = Pick<Settings, 'cookieKeys' | 'siteUrl'>;

/** The number is random: an id that a restored database gives again to another order is not opened by an old key. */
interface LinkedOrder {
  id: string;
  number: string;
}

export function orderLink(settings: LinkSettings, order: LinkedOrder, now = Date.now()): string {
  const expires = String(Math.ceil(now / 1_000) + validDays * 86_400);
  // The end of a link must be no sign that mail programs take for the end of a sentence.
  const key = `${signature(settings.cookieKeys[0]!, order, expires)}.${expires}`;
  return `${settings.siteUrl}/orders/${order.id}?key=${key}`;
}

/** Compared in constant time, with every key that still verifies. */
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

/** 43 letters, and nothing that a cookie's signature could be. */
function signature(cookieKey: string, { id, number }: LinkedOrder, expires: string): string {
  return createHmac('sha256', cookieKey)
    .update(`link to an order\n${id}\n${number}\n${expires}`)
    .digest('base64url');
}
