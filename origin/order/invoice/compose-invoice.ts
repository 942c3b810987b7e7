// Makes the content of an invoice from its order, as it stands when the invoice is issued.
import { Refusal } from '../../errors.ts';
import type { Tx } from '../../schema.ts';
import { findCountry } from '../countries.ts';
import { orderColumns, withLines } from '../order-rows.ts';
import type { BillingAddress, ShippingAddress } from '../shipping-address.ts';
import type { InvoiceContent, SellerSettings } from './invoice-content.ts';

interface Head {
  number: string;
  issuedAt: Date;
  settings: SellerSettings;
}

/** @throws Refusal 409 `not-paid` as long as nothing was paid */
export async function composeInvoice(
  tx: Tx,
  orderId: string,
  { number, issuedAt, settings }: Head,
): Promise<InvoiceContent> {
  const row = await tx
    .selectFrom('orders')
    .innerJoin('payments', 'payments.order_id', 'orders.id')
    .select([...orderColumns, 'orders.billing_address'])
    .where('orders.id', '=', orderId)
    .executeTakeFirstOrThrow();
  const [order] = await withLines(tx, [row]);
  if (order!.paid.amount === 0)
    throw new Refusal(409, 'not-paid', 'There is an invoice as soon as the order is paid');
  const kept = await tx
    .selectFrom('order_lines')
    .select(['tax_rate', 'discount_amount'])
    .where('order_id', '=', orderId)
    .orderBy('position')
    .execute();
  const { lines, discount, shipping, tax, total } = order!;
  const buyer = row.billing_address ?? row.shipping_address;
  return {
    number,
    issuedAt: issuedAt.toISOString(),
    seller: settings.sellerLines,
    sellerCountry: settings.shopCountry,
    orderNumber: order!.number,
    orderedAt: order!.placedAt,
    buyer: addressLines(buyer),
    buyerAddress: buyer,
    deliveredTo: addressLines(row.shipping_address),
    ...(row.shipping_address === null ? {} : { deliveryCountry: row.shipping_address.country }),
    lines: lines.map((line, at) => ({
      what: [line.name, line.color, line.size].filter(Boolean).join(', '),
      sku: line.sku,
      quantity: line.quantity,
      unitPrice: line.unitPrice.amount,
      amount: line.lineTotal.amount,
      discount: kept[at]?.discount_amount ?? 0,
      rate: kept[at]?.tax_rate ?? tax[0]?.rate ?? 0,
    })),
    discount: discount && { code: discount.code, amount: discount.amount.amount },
    shipping: { name: shipping.name, amount: shipping.price.amount },
    tax: tax.map(({ rate, net, tax }) => ({ rate, net: net.amount, tax: tax.amount })),
    total: total.amount,
    paid: order!.paid.amount,
    isDemonstration: order!.payment.provider === 'demo',
  };
}

/** Line by line, without what is empty. */
export function addressLines(address: ShippingAddress | BillingAddress | null): string[] {
  if (address === null) return [];
  const { name, line1, line2, postalCode, city, country } = address;
  const { company, vatNumber }: Partial<BillingAddress> = address;
  return [
    company,
    name,
    line1,
    line2,
    `${postalCode} ${city}`,
    findCountry(country)?.name ?? country,
    vatNumber && `VAT number ${vatNumber}`,
  ].filter((line): line is string => Boolean(line));
}
