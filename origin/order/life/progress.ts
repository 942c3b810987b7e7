// What an order's buyer is told and offered: how far it is, whether it can be cancelled, what can be sent back.
import { formatDates } from '../../checkout/delivery-dates.ts';
import { formatDays } from '../../checkout/words.ts';
import type { Order } from '../order.ts';
import { returnableUntilMs } from './order-life.ts';

/** In two or three words, for lists. */
export function describeProgress(order: Pick<Order, 'status' | 'fulfilment' | 'payment'>): string {
  if (order.status === 'cancelled') return 'Cancelled';
  if (order.fulfilment !== 'open') return progressNames[order.fulfilment] ?? order.fulfilment;
  const isSecured = order.status === 'paid' || order.payment.status === 'authorised';
  if (isSecured || order.payment.provider === 'on-delivery') return 'Being prepared';
  return order.payment.status === 'unknown' ? 'Payment unclear' : 'Waiting for payment';
}

const progressNames: Record<string, string> = {
  'partly-shipped': 'Partly on its way',
  shipped: 'On its way',
  delivered: 'Delivered',
};

/** When it is to arrive, as long as that is to come. */
export function describeArrival({
  shipping,
  promised,
  status,
  fulfilment,
}: Pick<Order, 'shipping' | 'promised' | 'status' | 'fulfilment'>): string {
  const { name, days } = shipping;
  const isToCome = status !== 'cancelled' && fulfilment !== 'delivered';
  if (promised === undefined || !isToCome) return `Delivery: ${name}, ${formatDays(days)}.`;
  return `Delivery: ${name}. Arrives ${formatDates(promised)}.`;
}

export const returnNames: Record<string, string> = {
  requested: 'Announced',
  received: 'Received; your money is on its way',
  refunded: 'Received and refunded',
  refused: 'Not accepted',
};

export const refundNames: Record<string, string> = {
  pending: 'On its way',
  unknown: 'On its way',
  done: 'Paid back',
};

export function canBeCancelled({ status, shipments }: Pick<Order, 'status' | 'shipments'>): boolean {
  return status !== 'cancelled' && shipments.length === 0;
}

export interface Returnable {
  lines: { line: Order['lines'][number]; quantity: number }[];
  /** Undefined while not all parcels have arrived. */
  until: Date | undefined;
}

/** @returns undefined where nothing can be sent back */
export function returnableOf(order: Order, returnDays: number, nowMs: number): Returnable | undefined {
  const shipments = order.shipments.map(({ deliveredAt }) => ({
    id: '',
    lines: [],
    deliveredAtMs: deliveredAt === undefined ? null : Date.parse(deliveredAt),
  }));
  const untilMs = returnableUntilMs({ shipments }, returnDays);
  if (untilMs !== undefined && nowMs > untilMs) return undefined;
  const lines = order.lines
    .map((line) => ({ line, quantity: line.shipped - line.returned }))
    .filter(({ quantity }) => quantity > 0);
  return lines.length === 0
    ? undefined
    : { lines, until: untilMs === undefined ? undefined : new Date(untilMs) };
}
