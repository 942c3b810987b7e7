// The life of an order after it was placed, as a pure state machine: which deed is allowed when, and what follows.
// docs/orders.md shows it as a table.
import { Refusal } from '../../errors.ts';
import type { ProblemCode } from '../../web/api/problem-codes.ts';
import type { Fulfilment, OrderStatus, PaymentStatus, RefundStatus, ReturnStatus, Who } from '../tables.ts';

export interface Pieces {
  variantId: string;
  quantity: number;
}

export interface LifeLine extends Pieces {
  /** Price of one piece, in minor units. */
  unitPrice: number;
  /** Discount on the whole line, in minor units. */
  discount: number;
  /** Pieces that have left the shop. */
  shipped: number;
  /** Pieces that will never leave: they were cancelled, or refunded before they were shipped. */
  withdrawn: number;
  /** Shipped pieces that came back, or that are announced to come back. */
  returned: number;
  /** Pieces that are in stock again. */
  restocked: number;
}

export interface ReturnOfLife {
  id: string;
  status: ReturnStatus;
  lines: (Pieces & { received: number })[];
  refundId: string | null;
}

/**
 * An order as the state machine sees it. A new refund, shipment or return has the id ''. Amounts are in minor units.
 */
export interface Life {
  status: OrderStatus;
  payment: PaymentStatus;
  /** Whether the order is paid when the parcel is handed over. */
  isAtDoor: boolean;
  total: number;
  /** The amount that was taken at the door so far. */
  taken: number;
  /** The part of an authorised payment that will not be taken. */
  leftOut: number;
  /** Whether a capture may be running at this moment. */
  isBeingCaptured: boolean;
  /** The amount that the buyer's bank has taken back, or is about to take back. */
  disputed: number;
  /** True while a cancelled order's payment may still move money. Its pieces return to stock once that is known. */
  holdsStock: boolean;
  lines: LifeLine[];
  shipments: { id: string; lines: Pieces[]; deliveredAtMs: number | null }[];
  refunds: { id: string; amount: number; status: RefundStatus }[];
  returns: ReturnOfLife[];
}

export type Deed =
  | { what: 'payment'; to: PaymentStatus }
  | { what: 'take-money'; amount: number }
  | { what: 'cancel' }
  /** Ships all remaining pieces where there are no lines. */
  | { what: 'ship'; lines?: Pieces[] | undefined }
  | { what: 'deliver'; shipment: string; atMs: number }
  | { what: 'request-return'; lines: Pieces[]; nowMs: number; returnDays: number }
  | { what: 'receive-return'; id: string; lines: (Pieces & { restock: boolean })[] }
  | { what: 'refuse-return'; id: string }
  | { what: 'refund'; amount: number; restock: Pieces[] }
  | { what: 'refund-outcome'; refund: string; to: RefundStatus };

export interface By {
  who: Who;
  /** The member of staff who did it. */
  accountId?: string | null | undefined;
}

export interface Parcel {
  carrier: string;
  trackingNumber?: string | undefined;
  trackingUrl?: string | undefined;
}

export interface OrderChange {
  deed: Deed;
  by: By;
  /** The reason, in the words of the person who acted. */
  reason?: string | undefined;
  /** Only for a shipment. */
  parcel?: Parcel | undefined;
  /** The receipt's number of money taken at the door. */
  reference?: string | undefined;
  /** Explains the state of a payment or a refund to staff. */
  detail?: string | undefined;
}

export interface Step {
  next: Life;
  /** False where the deed was done before; nothing follows from it again. */
  changed: boolean;
  /** Pieces that go back into stock, each once. */
  stockBack: Pieces[];
}

/** The allowed next states. Any other news arrived late or twice, and changes nothing. */
export const paymentSteps: Record<PaymentStatus, PaymentStatus[]> = {
  reserved: ['pending', 'authorised', 'paid', 'failed', 'unknown'],
  pending: ['authorised', 'paid', 'failed', 'unknown'],
  unknown: ['authorised', 'paid', 'failed', 'pending'],
  authorised: ['paid', 'failed', 'unknown'],
  paid: [],
  failed: [],
};

const refundSteps: Record<RefundStatus, RefundStatus[]> = {
  pending: ['done', 'unknown'],
  unknown: ['done', 'pending'],
  done: [],
};

/** Never changes `life`. @throws Refusal with the code of the rule that forbids the deed */
export function step(life: Life, deed: Deed): Step {
  const next = structuredClone(life);
  const result: Step = { next, changed: true, stockBack: [] };
  switch (deed.what) {
    case 'payment':
      hearOfPayment(result, deed.to);
      break;
    case 'take-money':
      takeMoney(next, deed.amount);
      break;
    case 'cancel':
      cancel(result);
      break;
    case 'ship':
      ship(next, deed.lines);
      break;
    case 'deliver':
      deliver(result, deed.shipment, deed.atMs);
      break;
    case 'request-return':
      requestReturn(next, deed);
      break;
    case 'receive-return':
      receiveReturn(result, deed);
      break;
    case 'refuse-return':
      refuseReturn(next, deed.id);
      break;
    case 'refund':
      refund(result, deed);
      break;
    case 'refund-outcome':
      hearOfRefund(result, deed.refund, deed.to);
  }
  return result;
}

/** Returns the money that was taken, without subtracting refunds. */
export function paidOf({
  isAtDoor,
  taken,
  payment,
  total,
}: Pick<Life, 'isAtDoor' | 'taken' | 'payment' | 'total'>): number {
  if (isAtDoor) return taken;
  return payment === 'paid' ? total : 0;
}

/** Returns what may still be refunded. Money that a bank has taken back is not refunded a second time. */
export function leftToRefund(life: Life): number {
  return Math.max(0, paidOf(life) - refundedOf(life) - life.disputed);
}

/** Sums refunds of every state, because the money of a pending one may already have left. */
export function refundedOf({ refunds }: Pick<Life, 'refunds'>): number {
  return refunds.reduce((sum, { amount }) => sum + amount, 0);
}

export function fulfilmentOf({ lines, shipments }: Pick<Life, 'lines' | 'shipments'>): Fulfilment {
  if (shipments.length === 0) return 'open';
  if (lines.some((line) => toShip(line) > 0)) return 'partly-shipped';
  return shipments.every(({ deliveredAtMs }) => deliveredAtMs !== null) ? 'delivered' : 'shipped';
}

/** Counts the pieces that have not left yet. */
export function toShip({ quantity, shipped, withdrawn }: LifeLine): number {
  return quantity - shipped - withdrawn;
}

/** Counts the pieces that may be sent back. */
export function toReturn({ shipped, returned }: LifeLine): number {
  return shipped - returned;
}

/** Undefined until all shipped parcels have arrived: the days count from the last delivery. */
export function returnableUntilMs(
  { shipments }: Pick<Life, 'shipments'>,
  returnDays: number,
): number | undefined {
  const times = shipments.map(({ deliveredAtMs }) => deliveredAtMs);
  if (times.length === 0 || times.includes(null)) return undefined;
  return Math.max(...times.map(Number)) + returnDays * 86_400_000;
}

function hearOfPayment(result: Step, to: PaymentStatus): void {
  const { next } = result;
  // Only staff take money at the door. A provider's news may only note the order or expire its hold.
  const isHeard = !next.isAtDoor || to === 'pending' || (to === 'failed' && next.payment === 'reserved');
  if (!isHeard || !paymentSteps[next.payment].includes(to)) {
    result.changed = false;
    return;
  }
  next.payment = to;
  const isDecided = to === 'paid' || to === 'failed';
  // The omitted amount counts as taken and refunded from the moment that the rest is taken.
  if (to === 'paid' && next.leftOut > 0) next.refunds.push({ id: '', amount: next.leftOut, status: 'done' });
  if (next.status === 'placed' && to === 'paid') next.status = 'paid';
  else if (next.status === 'placed' && to === 'failed') endOrder(result);
  else if (next.status === 'cancelled' && isDecided && next.holdsStock) endOrder(result);
}

function takeMoney(next: Life, amount: number): void {
  refuseCancelled(next);
  if (!next.isAtDoor) refuse(409, 'not-at-the-door', 'This order is not paid at the door');
  const due = next.total - next.taken;
  if (due === 0) refuse(409, 'already-paid', 'This order is paid');
  if (amount < 1 || amount > due) refuse(422, 'payment-too-large', 'That is more than is still to be paid');
  next.taken += amount;
  if (next.taken < next.total) return;
  next.payment = 'paid';
  next.status = 'paid';
}

/** Cancels the order. A second cancellation changes nothing. */
function cancel(result: Step): void {
  const { next } = result;
  if (next.shipments.length > 0)
    refuse(409, 'already-shipped', 'The order has left the shop already; what arrives can be sent back');
  if (next.status === 'cancelled') {
    result.changed = false;
    return;
  }
  // Money may move until the provider says that it will not.
  const mayStillMove = !next.isAtDoor && ['pending', 'authorised', 'unknown'].includes(next.payment);
  if (mayStillMove) {
    next.status = 'cancelled';
    next.holdsStock = true;
    return;
  }
  if (next.payment !== 'paid') next.payment = 'failed';
  endOrder(result);
}

/** Ends an order that will not be shipped: its pieces go back into stock, and its money is refunded. */
function endOrder(result: Step): void {
  const { next } = result;
  next.status = 'cancelled';
  next.holdsStock = false;
  for (const line of next.lines) {
    line.withdrawn = line.quantity - line.shipped;
    restock(result, line, line.withdrawn - line.restocked);
  }
  addRefund(next, leftToRefund(next));
}

function ship(next: Life, asked: Pieces[] | undefined): void {
  refuseCancelled(next);
  if (!next.isAtDoor && next.payment !== 'paid') refuse(409, 'not-paid', 'The order is not paid yet');
  const lines = asked === undefined ? allToShip(next) : sumPieces(asked);
  if (allToShip(next).length === 0)
    refuse(409, 'already-shipped', 'Nothing of this order is left to be shipped');
  for (const { variantId, quantity } of lines) {
    const line = requireLine(next, variantId, 'shipment-too-large');
    if (quantity > toShip(line))
      refuse(422, 'shipment-too-large', 'More pieces than are left to be shipped', {
        variantId,
        quantity: toShip(line),
      });
    line.shipped += quantity;
  }
  next.shipments.push({ id: '', lines, deliveredAtMs: null });
}

function allToShip({ lines }: Life): Pieces[] {
  return lines
    .map((line) => ({ variantId: line.variantId, quantity: toShip(line) }))
    .filter(({ quantity }) => quantity > 0);
}

function deliver(result: Step, id: string, atMs: number): void {
  const shipment = result.next.shipments.find((one) => one.id === id);
  if (shipment === undefined) throw new Refusal(404, 'not-found', 'This shipment does not exist');
  result.changed = shipment.deliveredAtMs !== atMs;
  shipment.deliveredAtMs = atMs;
}

function requestReturn(next: Life, deed: Deed & { what: 'request-return' }): void {
  if (next.shipments.length === 0) refuse(409, 'not-shipped', 'Nothing of this order was shipped yet');
  const untilMs = returnableUntilMs(next, deed.returnDays);
  if (untilMs !== undefined && deed.nowMs > untilMs)
    refuse(409, 'too-late', `Pieces can be sent back within ${deed.returnDays} days of delivery`);
  const lines = sumPieces(deed.lines);
  for (const { variantId, quantity } of lines) {
    const line = requireLine(next, variantId, 'return-too-large');
    if (quantity > toReturn(line))
      refuse(422, 'return-too-large', 'More pieces than were shipped and not yet returned', {
        variantId,
        quantity: toReturn(line),
      });
    line.returned += quantity;
  }
  const announced = lines.map((line) => ({ ...line, received: 0 }));
  next.returns.push({ id: '', status: 'requested', lines: announced, refundId: null });
}

function receiveReturn(result: Step, deed: Deed & { what: 'receive-return' }): void {
  const { next } = result;
  const returned = openReturn(next, deed.id);
  const valueBefore = valueReceived(next);
  for (const { variantId, quantity, restock: isGood } of deed.lines) {
    const announced = returned.lines.find((line) => line.variantId === variantId);
    const room = announced === undefined ? 0 : announced.quantity - announced.received;
    if (announced === undefined || quantity > room)
      refuse(422, 'return-too-large', 'More pieces than this return announced');
    announced.received += quantity;
    if (isGood) restock(result, requireLine(next, variantId, 'return-too-large'), quantity);
  }
  // Announced pieces that did not arrive stay with the shopper, who may send them back later.
  for (const { variantId, quantity, received } of returned.lines)
    requireLine(next, variantId, 'return-too-large').returned -= quantity - received;
  returned.status = 'received';
  const due = isAllBack(next) ? next.total : valueReceived(next) - valueBefore;
  const isPaidBack = addRefund(next, Math.min(due, leftToRefund(next)));
  if (isPaidBack) returned.refundId = '';
  else returned.status = 'refunded';
}

function refuseReturn(next: Life, id: string): void {
  const refused = openReturn(next, id);
  refused.status = 'refused';
  for (const { variantId, quantity } of refused.lines)
    requireLine(next, variantId, 'return-too-large').returned -= quantity;
}

/** @throws Refusal 404, 409 `return-closed` */
function openReturn({ returns }: Life, id: string): ReturnOfLife {
  const found = returns.find((one) => one.id === id);
  if (found === undefined) throw new Refusal(404, 'not-found', 'This return does not exist');
  if (found.status !== 'requested') refuse(409, 'return-closed', `This return is ${found.status} already`);
  return found;
}

function isReceived({ status }: ReturnOfLife): boolean {
  return status === 'received' || status === 'refunded';
}

/** The price of the pieces that came back. It is rounded over all pieces of a line, so that a whole line adds up. */
function valueReceived({ lines, returns }: Life): number {
  const received = returns.flatMap((one) => one.lines);
  return lines.reduce((sum, { variantId, quantity, unitPrice, discount }) => {
    const back = received
      .filter((line) => line.variantId === variantId)
      .reduce((count, line) => count + line.received, 0);
    return sum + Math.round((back * (quantity * unitPrice - discount)) / quantity);
  }, 0);
}

/** Tells whether every piece came back. The price of delivery is then refunded as well. */
function isAllBack({ lines, returns }: Life): boolean {
  const received = returns.filter(isReceived).flatMap((one) => one.lines);
  const back = received.reduce((sum, line) => sum + line.received, 0);
  return back === lines.reduce((sum, { quantity }) => sum + quantity, 0);
}

function refund(result: Step, deed: Deed & { what: 'refund' }): void {
  const { next } = result;
  if (next.payment === 'authorised') leaveOut(next, deed.amount);
  else if (deed.amount < 1 || deed.amount > leftToRefund(next))
    refuse(422, 'refund-too-large', 'That is more than was paid and not yet paid back');
  for (const { variantId, quantity } of sumPieces(deed.restock)) {
    const line = requireLine(next, variantId, 'restock-too-large');
    const unshipped = Math.min(quantity, toShip(line));
    const fromShopper = quantity - unshipped;
    if (fromShopper > toReturn(line))
      refuse(422, 'restock-too-large', 'More pieces than are still out', {
        variantId,
        quantity: toShip(line) + toReturn(line),
      });
    // These pieces have not left yet, and never will.
    line.withdrawn += unshipped;
    line.returned += fromShopper;
    restock(result, line, quantity);
  }
  if (next.payment !== 'authorised') addRefund(next, deed.amount);
}

/** Nothing was taken yet, so less will be taken later. */
function leaveOut(next: Life, amount: number): void {
  refuseCancelled(next);
  if (next.isBeingCaptured)
    refuse(409, 'not-paid', 'The money is being taken at this moment; please try again in a minute');
  if (amount < 1 || amount >= next.total - next.leftOut)
    refuse(422, 'refund-too-large', 'Something has to be left to be taken; else cancel the order');
  next.leftOut += amount;
}

function hearOfRefund(result: Step, id: string, to: RefundStatus): void {
  const { next } = result;
  const found = next.refunds.find((one) => one.id === id);
  if (found === undefined || !refundSteps[found.status].includes(to)) {
    result.changed = false;
    return;
  }
  found.status = to;
  if (to !== 'done') return;
  for (const returned of next.returns)
    if (returned.refundId === id && returned.status === 'received') returned.status = 'refunded';
}

/** @returns whether there was anything to refund */
function addRefund(next: Life, amount: number): boolean {
  if (amount <= 0) return false;
  next.refunds.push({ id: '', amount, status: 'pending' });
  return true;
}

function restock(result: Step, line: LifeLine, quantity: number): void {
  if (quantity <= 0) return;
  line.restocked += quantity;
  result.stockBack.push({ variantId: line.variantId, quantity });
}

function refuseCancelled({ status }: Life): void {
  if (status === 'cancelled') refuse(409, 'order-cancelled', 'This order was cancelled');
}

function requireLine({ lines }: Life, variantId: string, code: ProblemCode): LifeLine {
  return (
    lines.find((line) => line.variantId === variantId) ?? refuse(422, code, 'The order has no such piece')
  );
}

/** Sums the pieces, so that each variant appears once. */
function sumPieces(lines: Pieces[]): Pieces[] {
  const sums = new Map<string, number>();
  for (const { variantId, quantity } of lines) sums.set(variantId, (sums.get(variantId) ?? 0) + quantity);
  return [...sums].map(([variantId, quantity]) => ({ variantId, quantity }));
}

/** @param left the line that has too few pieces, with the number that it has */
function refuse(status: number, code: ProblemCode, message: string, left?: Pieces): never {
  throw new Refusal(status, code, message, left === undefined ? {} : { details: { lines: [left] } });
}
