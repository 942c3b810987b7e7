// Changes an order by one deed: state, pieces, money, stock, event, mail and outbox rows, in one transaction.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { returnStock } from '../../catalog/change/stock.ts';
import { giveBackUse } from '../../checkout/promotions.ts';
import { notFound } from '../../errors.ts';
import { addToOutbox } from '../../outbox/events.ts';
import type { Tx } from '../../schema.ts';
import { type Issuer, issueDocuments } from '../invoice/invoice.ts';
import { describeDeed } from './describe-life.ts';
import {
  type By,
  type Deed,
  fulfilmentOf,
  type Life,
  type OrderChange,
  type Parcel,
  type Step,
  step,
} from './order-life.ts';
import { requestNews } from './order-news.ts';
import { lockLife } from './read-life.ts';

/** Ids of the rows that the deed created. */
export interface Made {
  shipmentId?: string;
  returnId?: string;
  refundId?: string;
}

export interface ChangedOrder extends Made {
  life: Life;
  changed: boolean;
}

/** After this time the requesting process has tried to pay back, or it has died. */
const payBackLateSeconds = 15;

/** @throws Refusal 404, and each refusal of the state machine */
export async function changeOrder(
  { tx, settings }: Issuer,
  orderId: string,
  change: OrderChange,
): Promise<ChangedOrder> {
  const before = await lockLife(tx, orderId);
  if (before === undefined) throw notFound('This order');
  const taken = step(before, change.deed);
  if (!taken.changed) return { life: taken.next, changed: false };
  await saveState(tx, orderId, before, taken.next);
  await saveLines(tx, orderId, before, taken.next);
  const made = await saveNew(tx, orderId, taken.next, change);
  await saveChanged(tx, change, before, taken.next);
  if (change.deed.what === 'take-money') await saveDoorPayment(tx, orderId, change.deed.amount, change);
  await returnStock(tx, taken.stockBack);
  if (taken.next.status === 'cancelled' && before.status !== 'cancelled') await giveBackUse(tx, orderId);
  await addEvents(tx, orderId, describeDeed(before, taken.next, change));
  // Documents are issued late, because all payments wait for their counters. They come before outbox rows, which
  // cause no waiting.
  await issueDocuments({ tx, settings }, orderId, {
    before,
    next: taken.next,
    change,
    refundId: made.refundId,
  });
  await requestNews(tx, orderId, { before, next: taken.next, deed: change.deed, ...made });
  if (owesWork(before, taken)) await requestPayBack(tx, orderId);
  return { life: taken.next, changed: true, ...made };
}

export async function addEvents(
  tx: Tx,
  orderId: string,
  events: { by: By; what: string; detail: string }[],
): Promise<void> {
  if (events.length === 0) return;
  await tx
    .insertInto('order_events')
    .values(
      events.map(({ by, what, detail }) => ({
        order_id: orderId,
        who: by.who,
        account_id: by.accountId ?? null,
        what,
        detail: detail.slice(0, 1_000),
      })),
    )
    .execute();
}

/** Adds the outbox row that pays back. The requesting process tries first; the worker tries if that failed. */
async function requestPayBack(tx: Tx, orderId: string): Promise<void> {
  await addToOutbox(
    tx,
    'pay-back',
    { orderId },
    { dueAt: new Date(Date.now() + payBackLateSeconds * 1_000) },
  );
}

function owesWork(before: Life, { next }: Step): boolean {
  return next.refunds.length > before.refunds.length || (next.holdsStock && !before.holdsStock);
}

async function saveState(tx: Tx, orderId: string, before: Life, next: Life): Promise<void> {
  const fulfilment = fulfilmentOf(next);
  const isSame =
    before.status === next.status &&
    before.holdsStock === next.holdsStock &&
    fulfilmentOf(before) === fulfilment;
  if (!isSame)
    await tx
      .updateTable('orders')
      .set({ status: next.status, holds_stock: next.holdsStock, fulfilment })
      .where('id', '=', orderId)
      .execute();
  if (before.payment !== next.payment || before.taken !== next.taken || before.leftOut !== next.leftOut)
    await tx
      .updateTable('payments')
      .set({
        status: next.payment,
        taken_amount: next.taken,
        left_out_amount: next.leftOut,
        updated_at: sql`clock_timestamp()`,
      })
      .where('order_id', '=', orderId)
      .execute();
}

async function saveLines(tx: Tx, orderId: string, before: Life, next: Life): Promise<void> {
  const changed = next.lines.filter((line, at) => JSON.stringify(line) !== JSON.stringify(before.lines[at]));
  if (changed.length === 0) return;
  await sql`
    update order_lines l
    set shipped = n.shipped, withdrawn = n.withdrawn, returned = n.returned, restocked = n.restocked
    from json_to_recordset(${JSON.stringify(changed)}::json)
      as n ("variantId" bigint, shipped integer, withdrawn integer, returned integer, restocked integer)
    where l.order_id = ${orderId} and l.variant_id = n."variantId"`.execute(tx);
}

/** Inserts a row for each new refund, shipment and return, which have no id yet. */
async function saveNew(tx: Tx, orderId: string, next: Life, change: OrderChange): Promise<Made> {
  const made: Made = {};
  const refund = next.refunds.find(({ id }) => id === '');
  if (refund !== undefined) {
    const { id } = await tx
      .insertInto('refunds')
      .values({
        order_id: orderId,
        amount: refund.amount,
        reason: change.reason ?? usualReason(next, change.deed),
        provider_key: randomUUID(),
        // An amount that was never taken is not paid back by a provider, so it is done at once.
        ...(refund.status === 'done' ? { status: 'done', done_at: sql<Date>`clock_timestamp()` } : {}),
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    made.refundId = id;
    refund.id = id;
    for (const returned of next.returns) if (returned.refundId === '') returned.refundId = id;
  }
  const shipment = next.shipments.find(({ id }) => id === '');
  if (shipment !== undefined) {
    shipment.id = await insertShipment(tx, orderId, shipment, change.parcel!);
    made.shipmentId = shipment.id;
  }
  const returned = next.returns.find(({ id }) => id === '');
  if (returned !== undefined) {
    returned.id = await insertReturn(tx, orderId, next, change.reason ?? '');
    made.returnId = returned.id;
  }
  return made;
}

function usualReason({ status }: Life, { what }: Deed): string {
  if (what === 'receive-return') return 'Pieces came back';
  return status === 'cancelled' ? 'The order was cancelled' : 'Left out before the money was taken';
}

async function insertShipment(
  tx: Tx,
  orderId: string,
  { lines }: Life['shipments'][number],
  parcel: Parcel,
): Promise<string> {
  const { id } = await tx
    .insertInto('shipments')
    .values({
      order_id: orderId,
      carrier: parcel.carrier,
      tracking_number: parcel.trackingNumber ?? null,
      tracking_url: parcel.trackingUrl ?? null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await tx
    .insertInto('shipment_lines')
    .values(lines.map((line) => ({ shipment_id: id, variant_id: line.variantId, quantity: line.quantity })))
    .execute();
  return id;
}

async function saveDoorPayment(
  tx: Tx,
  orderId: string,
  amount: number,
  { by, reference }: OrderChange,
): Promise<void> {
  await tx
    .insertInto('door_payments')
    .values({ order_id: orderId, amount, reference: reference ?? null, account_id: by.accountId ?? null })
    .execute();
}

/** Numbers the return within its order, whose lock this transaction holds. */
async function insertReturn(tx: Tx, orderId: string, { returns }: Life, reason: string): Promise<string> {
  const { number } = await tx
    .selectFrom('orders')
    .select('number')
    .where('id', '=', orderId)
    .executeTakeFirstOrThrow();
  const { id } = await tx
    .insertInto('returns')
    .values({ order_id: orderId, number: `${number}-R${returns.length}`, reason })
    .returning('id')
    .executeTakeFirstOrThrow();
  await tx
    .insertInto('return_lines')
    .values(
      returns
        .at(-1)!
        .lines.map((line) => ({ return_id: id, variant_id: line.variantId, quantity: line.quantity })),
    )
    .execute();
  return id;
}

/** Updates rows that existed before and that the deed changed. */
async function saveChanged(tx: Tx, change: OrderChange, before: Life, next: Life): Promise<void> {
  for (const [at, shipment] of before.shipments.entries()) {
    const { deliveredAtMs } = next.shipments[at]!;
    if (deliveredAtMs !== null && deliveredAtMs !== shipment.deliveredAtMs)
      await tx
        .updateTable('shipments')
        .set({ delivered_at: new Date(deliveredAtMs) })
        .where('id', '=', shipment.id)
        .execute();
  }
  for (const [at, refund] of before.refunds.entries())
    if (next.refunds[at]!.status !== refund.status)
      await tx
        .updateTable('refunds')
        .set({
          status: next.refunds[at]!.status,
          ...(next.refunds[at]!.status === 'done' ? { done_at: sql<Date>`clock_timestamp()` } : {}),
        })
        .where('id', '=', refund.id)
        .execute();
  for (const [at, returned] of before.returns.entries())
    if (next.returns[at]!.status !== returned.status) await saveReturn(tx, change, next.returns[at]!);
}

async function saveReturn(
  tx: Tx,
  { deed, reason }: OrderChange,
  { id, status, refundId, lines }: Life['returns'][number],
): Promise<void> {
  await tx
    .updateTable('returns')
    .set({
      status,
      refund_id: refundId,
      ...(deed.what === 'refuse-return' ? { refusal: reason ?? '' } : {}),
      ...(status === 'received' ? {} : { closed_at: sql<Date>`clock_timestamp()` }),
    })
    .where('id', '=', id)
    .execute();
  if (deed.what !== 'receive-return') return;
  await sql`
    update return_lines l set received = n.received
    from json_to_recordset(${JSON.stringify(lines)}::json) as n ("variantId" bigint, received integer)
    where l.return_id = ${id} and l.variant_id = n."variantId"`.execute(tx);
}
