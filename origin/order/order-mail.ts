// Composes the mail that confirms an order.
import { readVariantsFresh } from '../catalog/read-variants.ts';
import { formatRate, priceOrFree } from '../checkout/delivery-dates.ts';
import type { Deps } from '../deps.ts';
import type { Mail, MailSum } from '../mail/mail.ts';
import { addToOutbox } from '../outbox/events.ts';
import type { Tx } from '../schema.ts';
import { formatMoney } from '../web/money.ts';
import { orderLink } from './guest-orders.ts';
import { addressLines } from './invoice/compose-invoice.ts';
import { describeArrival } from './life/describe-life.ts';
import type { Order } from './order.ts';
import { orderColumns, withLines } from './order-rows.ts';

export const orderTemplate = 'order-confirmation';

/**
 * Requests the mail in the transaction that confirms the order, so that a commit sends it once and a rollback never.
 */
export async function requestOrderMail(tx: Tx, orderId: string): Promise<void> {
  const { email } = await tx
    .selectFrom('orders')
    .select('email')
    .where('id', '=', orderId)
    .executeTakeFirstOrThrow();
  if (email !== null)
    await addToOutbox(tx, 'mail', { to: email, template: orderTemplate, data: { orderId } });
}

function describeSums({ discount, shipping, tax, total }: Order): MailSum[] {
  return [
    ...(discount
      ? [{ label: `Code ${discount.code}`, amount: `−${formatMoney(discount.amount.amount)}` }]
      : []),
    { label: `Delivery, ${shipping.name}`, amount: priceOrFree(shipping.price.amount) },
    { label: 'Total, VAT included', amount: formatMoney(total.amount), isTotal: true },
    ...tax.map((one) => ({
      label: `of which VAT ${formatRate(one.rate)}`,
      amount: formatMoney(one.tax.amount),
    })),
  ];
}

/** Composes the mail for its job. @returns undefined where the order does not exist or no longer has this e-mail */
export async function prepareOrderMail(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  to: string,
  data: Record<string, unknown>,
): Promise<Mail | undefined> {
  const row = await db
    .selectFrom('orders')
    .innerJoin('payments', 'payments.order_id', 'orders.id')
    .select([...orderColumns, 'orders.billing_address'])
    .where('orders.id', '=', String(data['orderId']))
    .where('orders.email', '=', to)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const [order] = await withLines(db, [row]);
  const variants = await readVariantsFresh(
    db,
    order!.lines.map((line) => line.variantId),
  );
  const lines = order!.lines.map((line) => {
    const what = [line.name, line.color, line.size].filter(Boolean).join(', ');
    const text = `${line.quantity} × ${what}: ${formatMoney(line.lineTotal.amount)}`;
    // A variant that is no longer sold has no picture.
    const imageUrl = variants.get(line.variantId)?.imageUrl;
    return imageUrl === undefined ? text : { text, imageUrl: new URL(imageUrl, settings.siteUrl).href };
  });
  return {
    to,
    subject: `Your order ${row.number}`,
    paragraphs: [
      'Thank you for your order.',
      ...lines,
      { sums: describeSums(order!) },
      describeArrival(order!),
      ...(row.shipping_address === null
        ? []
        : [{ title: 'Ships to', lines: addressLines(row.shipping_address) }]),
      ...(row.billing_address === null
        ? []
        : [{ title: 'Invoice to', lines: addressLines(row.billing_address) }]),
      ...(row.provider === 'demo'
        ? ['This was a demonstration: no money moved and nothing will be sent.']
        : []),
      ...(row.provider === 'on-delivery' ? ['You pay when the parcel is handed over.'] : []),
      { link: orderLink(settings, row), text: 'See your order' },
    ],
  };
}
