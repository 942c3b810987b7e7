// Says in plain words what happened to an order, and how far it has come.

import { formatDates, formatDays } from '../../checkout/delivery-dates.ts';
import { formatMoney } from '../../web/money.ts';
import type { Order } from '../order.ts';
import { type By, type Life, type OrderChange, type Pieces, returnableUntilMs } from './order-life.ts';

interface DeedEvent {
  by: By;
  what: string;
  detail: string;
}

const shop: By = { who: 'shop' };

/**
 * Describes in plain words what happened to an order: the rows of its history, and what a shopper reads of
 * them. Describes the deed, and what followed from it.
 */
export function describeDeed(before: Life, next: Life, change: OrderChange): DeedEvent[] {
  const { deed, by, reason = '' } = change;
  const say = (what: string, ...details: (string | undefined)[]): DeedEvent => ({
    by,
    what,
    detail: details.filter(Boolean).join('. '),
  });
  const owed = next.refunds.slice(before.refunds.length);
  const payBacks = owed.map(({ amount, status }) => ({
    by: deed.what === 'refund' ? by : shop,
    what: status === 'done' ? 'refunded' : 'refund-begun',
    detail: [formatMoney(amount), deed.what === 'refund' ? reason : ''].filter(Boolean).join('. '),
  }));
  switch (deed.what) {
    case 'payment':
      return [say(paymentEvents[deed.to], change.detail), ...payBacks];
    case 'take-money':
      return [say('money-taken', formatMoney(deed.amount), change.reference)];
    case 'cancel':
      return [say(next.holdsStock ? 'cancelled-while-unpaid' : 'cancelled', reason), ...payBacks];
    case 'ship':
      return [say('shipped', countPieces(next.shipments.at(-1)!.lines), describeParcel(change))];
    case 'deliver':
      return [say('delivered', new Date(deed.atMs).toISOString().slice(0, 10))];
    case 'request-return':
      return [say('return-requested', countPieces(deed.lines), reason)];
    case 'receive-return':
      return [say('return-received', countPieces(deed.lines)), ...payBacks];
    case 'refuse-return':
      return [say('return-refused', reason)];
    case 'refund':
      return [
        ...(next.leftOut > before.leftOut ? [say('left-out', formatMoney(deed.amount), reason)] : payBacks),
        ...(deed.restock.length > 0 ? [say('restocked', countPieces(deed.restock))] : []),
      ];
    case 'refund-outcome': {
      const { amount } = next.refunds.find(({ id }) => id === deed.refund)!;
      return [say(refundEvents[deed.to], formatMoney(amount), change.detail)];
    }
  }
}

const paymentEvents: Record<Life['payment'], string> = {
  reserved: 'payment-pending',
  pending: 'payment-pending',
  authorised: 'payment-authorised',
  paid: 'paid',
  failed: 'payment-failed',
  unknown: 'payment-unknown',
};

const refundEvents = { pending: 'refund-pending', done: 'refunded', unknown: 'refund-unknown' };

function countPieces(lines: Pieces[]): string {
  const count = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  return count === 1 ? '1 piece' : `${count} pieces`;
}

function describeParcel({ parcel }: OrderChange): string {
  return [parcel?.carrier, parcel?.trackingNumber].filter(Boolean).join(' ');
}

/** The events as staff read them. */
export const eventNames: Record<string, string> = {
  placed: 'Placed',
  'payment-pending': 'Payment begun',
  'payment-authorised': 'Payment authorised; taken when a parcel leaves',
  'left-out': 'Less will be taken',
  'dispute-inquiry': 'The bank asks about the payment',
  'dispute-open': 'The buyer disputes the payment',
  'dispute-won': 'Dispute over, in our favour',
  'dispute-lost': 'Dispute lost; the bank took the money',
  paid: 'Paid',
  'payment-failed': 'Not paid',
  'payment-unknown': 'Payment unclear',
  'money-taken': 'Money taken at the door',
  cancelled: 'Cancelled',
  'cancelled-while-unpaid': 'Cancelled; the payment is still open',
  shipped: 'Shipped',
  delivered: 'Delivered',
  'withdrawal-declared': 'Withdrawal declared',
  'return-requested': 'Return announced',
  'return-received': 'Return received',
  'return-refused': 'Return refused',
  restocked: 'Put back into stock',
  'refund-begun': 'Refund begun',
  'refund-pending': 'Refund is on its way',
  'refund-unknown': 'Refund unclear',
  refunded: 'Refunded',
};

/** The events that a shopper reads. All others are for staff only. */
export const shopperEventNames: Record<string, string> = {
  placed: 'Order placed',
  'payment-authorised': 'Payment authorised',
  'left-out': 'Less will be taken',
  paid: 'Paid',
  'payment-failed': 'Not paid',
  'money-taken': 'Paid at the door',
  cancelled: 'Cancelled',
  'cancelled-while-unpaid': 'Cancelled',
  shipped: 'Shipped',
  delivered: 'Delivered',
  'withdrawal-declared': 'Withdrawal received',
  'return-requested': 'Return announced',
  'return-received': 'Return received',
  'return-refused': 'Return not accepted',
  'refund-begun': 'Refund begun',
  refunded: 'Refunded',
};

/**
 * What an order's buyer is told and offered: how far it is, whether it can be cancelled, what can be sent
 * back. In two or three words, for lists.
 */
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

/** Describes the delivery, with its dates while it is still to come. */
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
  /** Undefined until all parcels have arrived. */
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
