// Mails the link to an order to whoever knows its number and e-mail. Answer and time are the same for all: the worker
// looks the order up.
import type { Deps } from '../../deps.ts';
import type { Mail } from '../../mail/mail.ts';
import { addToOutbox } from '../../outbox/events.ts';
import { writeOnce } from '../../web/api/idempotency.ts';
import { orderLink } from '../order-link.ts';

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

/** Part of the mail job. @returns undefined where number and e-mail do not belong together */
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

/** As people type it: small letters, other hyphens or none, letters that look like digits. */
export function normaliseNumber(text: string): string {
  const drawn = text
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replace(/^MC/, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
  return `MC-${drawn.slice(0, 5)}-${drawn.slice(5)}`;
}
