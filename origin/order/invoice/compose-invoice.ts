// Composes the content of an invoice from its order, and of a credit note from its refund.

import { divide, extractVat, type VatAmount } from '../../checkout/price-order.ts';
import { Refusal } from '../../errors.ts';
import type { Tx } from '../../schema.ts';
import type { Life, OrderChange } from '../life/order-life.ts';
import { orderColumns, withLines } from '../order-rows.ts';
import { type BillingAddress, findCountry, type ShippingAddress } from '../shipping-address.ts';
import type { InvoiceContent, InvoiceLine, SellerSettings } from './invoice-content.ts';

interface Head {
  number: string;
  issuedAt: Date;
  settings: SellerSettings;
}

/**
 * Composes the content of an invoice from its order, as it is when the invoice is issued.
 * @throws Refusal 409 `not-paid` as long as nothing was paid
 */
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

/** Lists the lines of an address, without empty ones. */
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

/** Pieces of one line of the invoice, and the amount that was paid for them. */
interface CreditedPieces {
  /** The line's place in the invoice. */
  at: number;
  quantity: number;
  value: number;
}

export interface Credit {
  amount: number;
  pieces: CreditedPieces[];
  /** Text of the line for what is paid back besides the pieces. */
  restIs: string;
}

type CreditLines = Pick<InvoiceContent, 'lines' | 'tax' | 'total'>;

/**
 * Composes what a credit note takes back of its invoice: lines and VAT by rate. Pure. All credits of an invoice
 * together never exceed it, and a whole refund takes back its VAT to the cent.
 * @param earlier the contents of the credit notes that the invoice already has
 */
export function composeCredit(
  invoice: InvoiceContent,
  earlier: Pick<InvoiceContent, 'tax'>[],
  credit: Credit,
): CreditLines {
  const left = invoice.tax.map(({ rate, net, tax }) => ({
    rate,
    gross: net + tax,
    left: net + tax - grossOf(earlier, rate),
  }));
  const whole = left.reduce((sum, rate) => sum + rate.left, 0);
  const amount = Math.min(credit.amount, whole);
  const lines = pieceLines(invoice, credit, left) ?? [];
  const rest = divide(
    amount - sumOf(lines.map((line) => line.amount)),
    left.map((rate) => rate.left - grossOfLines(lines, rate.rate)),
  );
  for (const [at, { rate }] of left.entries()) {
    const gross = rest[at]!;
    if (gross > 0)
      lines.push({ what: credit.restIs, sku: '', quantity: 1, unitPrice: gross, amount: gross, rate });
  }
  const tax = left.map(({ rate, gross, left: before }): VatAmount => {
    const taken = gross - before;
    const now = grossOfLines(lines, rate);
    // VAT is a difference of cumulative sums. All credits together then take back exactly the VAT that one whole
    // credit would.
    const vat = extractVat(taken + now, rate).tax - extractVat(taken, rate).tax;
    return { rate, net: now - vat, tax: vat };
  });
  return { lines, tax: tax.filter(({ net, tax: vat }) => net + vat > 0), total: amount };
}

/** @returns undefined where the pieces are worth more than is paid back, or more than is left of their rate */
function pieceLines(
  invoice: InvoiceContent,
  { amount, pieces }: Credit,
  left: { rate: number; left: number }[],
): InvoiceLine[] | undefined {
  const lines = pieces.flatMap(({ at, quantity, value }): InvoiceLine[] => {
    const line = invoice.lines[at];
    if (line === undefined || quantity === 0 || value === 0) return [];
    const { what, sku, rate } = line;
    return [{ what, sku, quantity, unitPrice: Math.round(value / quantity), amount: value, rate }];
  });
  const fits = left.every((rate) => grossOfLines(lines, rate.rate) <= rate.left);
  return fits && sumOf(lines.map((line) => line.amount)) <= amount ? lines : undefined;
}

/** Composes the credit for a change to an order: which pieces are paid back, and what else. */
export function creditOf(
  before: Life,
  next: Life,
  { deed, reason }: Pick<OrderChange, 'deed' | 'reason'>,
): Credit {
  const refund = next.refunds.at(-1)!;
  const isEnd = next.status === 'cancelled';
  const pieces = next.lines.map((line, at): CreditedPieces => {
    const was = before.lines[at]!;
    const counts = (life: Life) =>
      deed.what === 'receive-return' ? receivedOf(life, line.variantId) : life.lines[at]!.restocked;
    const [from, to] = isEnd ? [was.withdrawn, line.withdrawn] : [counts(before), counts(next)];
    const worth = (count: number) =>
      Math.round((count * (line.quantity * line.unitPrice - line.discount)) / line.quantity);
    return { at, quantity: to - from, value: worth(to) - worth(from) };
  });
  const isOfPieces = isEnd || deed.what === 'receive-return' || deed.what === 'refund';
  return {
    // A cancelled order that is never shipped is credited whole, including what was not paid yet.
    amount: isEnd ? next.total : refund.amount,
    pieces: isOfPieces ? pieces : [],
    restIs:
      deed.what === 'refund'
        ? reason || 'Refund'
        : deed.what === 'payment' && !isEnd
          ? 'Left out before the money was taken'
          : 'Delivery',
  };
}

function receivedOf({ returns }: Life, variantId: string): number {
  return sumOf(
    returns.flatMap(({ lines }) =>
      lines.filter((line) => line.variantId === variantId).map((line) => line.received),
    ),
  );
}

function grossOf(documents: Pick<InvoiceContent, 'tax'>[], rate: number): number {
  const ofRate = documents.flatMap(({ tax }) => tax.filter((one) => one.rate === rate));
  return sumOf(ofRate.map(({ net, tax }) => net + tax));
}

function grossOfLines(lines: InvoiceLine[], rate: number): number {
  return sumOf(lines.filter((line) => line.rate === rate).map(({ amount }) => amount));
}

function sumOf(amounts: number[]): number {
  return amounts.reduce((sum, amount) => sum + amount, 0);
}
