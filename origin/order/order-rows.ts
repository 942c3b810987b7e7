// Reads order rows and their lines, and builds the order that the API returns.

import { type ChosenShipping, priceOrder, type VatAmount } from '../checkout/price-order.ts';
import type { DbOrTx } from '../schema.ts';
import { money } from '../web/money.ts';
import type { Order } from './order.ts';
import type { ShippingAddress } from './shipping-address.ts';
import type { OrderStatus, PaymentStatus } from './tables.ts';

export interface OrderRow {
  id: string;
  number: string;
  status: OrderStatus;
  total_amount: number;
  shipping: ChosenShipping | null;
  discount_code: string | null;
  discount_amount: number;
  tax: VatAmount[] | null;
  shipping_address: ShippingAddress | null;
  placed_at: Date;
  provider: string;
  payment_status: PaymentStatus;
  redirect_url: string | null;
  expires_at: Date | null;
}

export const orderColumns = [
  'orders.id',
  'orders.number',
  'orders.status',
  'orders.total_amount',
  'orders.shipping',
  'orders.discount_code',
  'orders.discount_amount',
  'orders.tax',
  'orders.shipping_address',
  'orders.placed_at',
  'payments.provider',
  'payments.status as payment_status',
  'payments.redirect_url',
  'payments.expires_at',
] as const;

export async function withLines(db: DbOrTx, rows: OrderRow[]): Promise<Order[]> {
  if (rows.length === 0) return [];
  const lines = await db
    .selectFrom('order_lines')
    .selectAll()
    .where(
      'order_id',
      'in',
      rows.map((row) => row.id),
    )
    .orderBy('order_id')
    .orderBy('position')
    .execute();
  const byOrder = Map.groupBy(lines, (line) => line.order_id);
  return rows.map((row) => ({
    id: row.id,
    number: row.number,
    status: row.status,
    lines: (byOrder.get(row.id) ?? []).map((line) => ({
      variantId: line.variant_id,
      productSlug: line.product_slug,
      sku: line.sku,
      name: line.name,
      size: line.size,
      color: line.color,
      quantity: line.quantity,
      unitPrice: money(line.unit_price_amount),
      lineTotal: money(line.unit_price_amount * line.quantity),
    })),
    total: money(row.total_amount),
    ...priceOf(row),
    placedAt: row.placed_at.toISOString(),
    payment: toPayment(row),
  }));
}

/** Before there were methods, everything travelled like this. */
const freeDelivery: ChosenShipping = {
  method: 'standard',
  name: 'Standard',
  amount: 0,
  days: { min: 2, max: 5 },
};

function priceOf(row: OrderRow): Pick<Order, 'shipping' | 'discount' | 'tax'> {
  const { amount, method, name, days } = row.shipping ?? freeDelivery;
  const { discount_code: code, discount_amount: discount } = row;
  return {
    shipping: { method, name, price: money(amount), days },
    ...(code === null ? {} : { discount: { code, amount: money(discount) } }),
    tax: toTax(row.tax ?? taxOfEarlier(row)),
  };
}

/** In an answer. */
export function toTax(tax: VatAmount[]): Order['tax'] {
  return tax.map(({ rate, net, tax }) => ({ rate, net: money(net), tax: money(tax) }));
}

/** An order of a release that kept no VAT is taxed as grown-ups' clothes are. */
function taxOfEarlier({ total_amount: amount, shipping_address, placed_at: at }: OrderRow): VatAmount[] {
  const items = [{ amount, isForChildren: false, isPromoted: false }];
  return priceOrder({ items, shippingAmount: 0, country: shipping_address?.country ?? 'DE', at }).tax;
}

/** The link only while it leads somewhere: the order still stands, and its provider's page is open for the buyer. */
function toPayment(row: OrderRow): Order['payment'] {
  const { provider, payment_status: status, redirect_url: redirectUrl, expires_at: expiresAt } = row;
  const isOpen = expiresAt === null || expiresAt.getTime() > Date.now();
  const isToBePaidThere = row.status === 'placed' && status === 'pending' && redirectUrl !== null && isOpen;
  return { provider, status, ...(isToBePaidThere ? { redirectUrl } : {}) };
}
