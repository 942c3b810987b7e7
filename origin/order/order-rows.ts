// Reads order rows and their lines, and builds the order that the API returns.
import { sql } from 'kysely';
import { type ChosenShipping, priceOrder, type VatAmount } from '../checkout/price-order.ts';
import type { DbOrTx } from '../schema.ts';
import { money } from '../web/money.ts';
import { paidOf } from './life/order-life.ts';
import type { Order } from './order.ts';
import type { ShippingAddress } from './shipping-address.ts';
import type { Fulfilment, OrderStatus, PaymentStatus, RefundStatus, ReturnStatus } from './tables.ts';

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
  fulfilment: Fulfilment;
  taken_amount: number;
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
  'orders.fulfilment',
  'payments.taken_amount',
] as const;

export async function withLines(db: DbOrTx, rows: OrderRow[]): Promise<Order[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const lines = await db
    .selectFrom('order_lines')
    .selectAll()
    .where('order_id', 'in', ids)
    .orderBy('order_id')
    .orderBy('position')
    .execute();
  const histories = await readHistories(db, ids);
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
      shipped: line.shipped,
      // The previous release cancels orders without counting their pieces as withdrawn.
      cancelled: row.status === 'cancelled' ? line.quantity - line.shipped : line.withdrawn,
      returned: line.returned,
    })),
    total: money(row.total_amount),
    ...priceOf(row),
    placedAt: row.placed_at.toISOString(),
    payment: toPayment(row),
    paid: money(
      paidOf({
        isAtDoor: row.provider === 'on-delivery',
        taken: row.taken_amount,
        payment: row.payment_status,
        total: row.total_amount,
      }),
    ),
    fulfilment: row.fulfilment,
    ...toHistory(histories.get(row.id)),
  }));
}

/** Orders from before there were delivery methods were sent free of charge. */
const freeDelivery: ChosenShipping = {
  method: 'standard',
  name: 'Standard',
  amount: 0,
  days: { min: 2, max: 5 },
};

function priceOf(row: OrderRow): Pick<Order, 'shipping' | 'promised' | 'discount' | 'tax'> {
  const { discount_code: code, discount_amount: discount } = row;
  return {
    shipping: toShipping(row.shipping ?? freeDelivery),
    ...(row.shipping?.promised ? { promised: row.shipping.promised } : {}),
    ...(code === null ? {} : { discount: { code, amount: money(discount) } }),
    tax: toTax(row.tax ?? taxOfEarlier(row)),
  };
}

/** As an API answer has it. */
export function toShipping({ method, name, amount, days }: ChosenShipping): Order['shipping'] {
  return { method, name, price: money(amount), days };
}

/** As an API answer has it. */
export function toTax(tax: VatAmount[]): Order['tax'] {
  return tax.map(({ rate, net, tax }) => ({ rate, net: money(net), tax: money(tax) }));
}

/** Orders of an earlier release have no stored VAT. They are taxed as adults' clothes. */
function taxOfEarlier({ total_amount: amount, shipping_address, placed_at: at }: OrderRow): VatAmount[] {
  const items = [{ amount, isForChildren: false, isPromoted: false }];
  return priceOrder({ items, shippingAmount: 0, country: shipping_address?.country ?? 'DE', at }).tax;
}

interface PiecesRow {
  variantId: string;
  quantity: number;
}

interface HistoryRow {
  id: string;
  shipments: {
    id: string;
    carrier: string;
    tracking_number: string | null;
    tracking_url: string | null;
    lines: PiecesRow[];
    shipped_at: string;
    delivered_at: string | null;
  }[];
  refunds: { id: string; amount: number; reason: string; status: RefundStatus; at: string }[];
  returns: {
    id: string;
    number: string;
    status: ReturnStatus;
    lines: PiecesRow[] | null;
    requested_at: string;
  }[];
}

/** Shipments, refunds and returns of many orders, by one statement. */
async function readHistories(db: DbOrTx, orderIds: string[]): Promise<Map<string, HistoryRow>> {
  const pieces = sql`json_agg(json_build_object('variantId', l.variant_id::text, 'quantity', l.quantity) order by l.variant_id)`;
  const { rows } = await sql<HistoryRow>`
    select o.id::text as id,
      coalesce((
        select json_agg(json_build_object('id', s.id::text, 'carrier', s.carrier,
          'tracking_number', s.tracking_number, 'tracking_url', s.tracking_url,
          'shipped_at', s.shipped_at, 'delivered_at', s.delivered_at,
          'lines', (select ${pieces} from shipment_lines l where l.shipment_id = s.id)) order by s.id)
        from shipments s where s.order_id = o.id), '[]') as shipments,
      coalesce((
        select json_agg(json_build_object('id', r.id::text, 'amount', r.amount, 'reason', r.reason,
          'status', r.status, 'at', r.at) order by r.id)
        from refunds r where r.order_id = o.id), '[]') as refunds,
      coalesce((
        select json_agg(json_build_object('id', r.id::text, 'number', r.number, 'status', r.status,
          'requested_at', r.requested_at,
          'lines', (
            select json_agg(json_build_object('variantId', l.variant_id::text, 'quantity', n.pieces) order by l.variant_id)
            from return_lines l, lateral (
              select case when r.status in ('received', 'refunded') then l.received else l.quantity end as pieces) n
            where l.return_id = r.id and n.pieces > 0)) order by r.id)
        from returns r where r.order_id = o.id), '[]') as returns
    from unnest(${orderIds}::bigint[]) as o (id)`.execute(db);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Postgres writes times in JSON with an offset of its own. */
const toIso = (time: string) => new Date(time).toISOString();

function toHistory(row: HistoryRow | undefined): Pick<Order, 'shipments' | 'refunds' | 'returns'> {
  const { shipments = [], refunds = [], returns = [] } = row ?? {};
  return {
    shipments: shipments.map((shipment) => ({
      id: shipment.id,
      carrier: shipment.carrier,
      ...(shipment.tracking_number === null ? {} : { trackingNumber: shipment.tracking_number }),
      ...(shipment.tracking_url === null ? {} : { trackingUrl: shipment.tracking_url }),
      lines: shipment.lines,
      shippedAt: toIso(shipment.shipped_at),
      ...(shipment.delivered_at === null ? {} : { deliveredAt: toIso(shipment.delivered_at) }),
    })),
    refunds: refunds.map((refund) => ({
      id: refund.id,
      amount: money(refund.amount),
      reason: refund.reason,
      status: refund.status,
      at: toIso(refund.at),
    })),
    returns: returns.map(({ requested_at: requestedAt, lines, ...returned }) => ({
      ...returned,
      // Empty where no piece of the return arrived.
      lines: lines ?? [],
      requestedAt: toIso(requestedAt),
    })),
  };
}

/** Includes the link only while the order still stands and the provider's page is open for the buyer. */
function toPayment(row: OrderRow): Order['payment'] {
  const { provider, payment_status: status, redirect_url: redirectUrl, expires_at: expiresAt } = row;
  const isOpen = expiresAt === null || expiresAt.getTime() > Date.now();
  const isToBePaidThere = row.status === 'placed' && status === 'pending' && redirectUrl !== null && isOpen;
  return { provider, status, ...(isToBePaidThere ? { redirectUrl } : {}) };
}
