// Performs a deed that was requested by API or form, once for each idempotency key.
// It captures authorised money before the first parcel leaves, and pays back what is owed.

import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { notFound } from '../../errors.ts';
import { addToOutbox } from '../../outbox/events.ts';
import { retryOnConflict } from '../../postgres/postgres-errors.ts';
import type { Db } from '../../schema.ts';
import { idPattern } from '../../web/api/api.ts';
import { type IdempotentWrite, writeOnce } from '../../web/api/idempotency.ts';
import { callProviderAndRecord } from '../pay-order.ts';
import type { PaymentProviders } from '../payment/providers.ts';
import { changeOrder, type Made } from './change-order.ts';
import { type Deed, type OrderChange, step } from './order-life.ts';
import { payBackSoon } from './pay-back.ts';
import { lockLife } from './read-life.ts';

interface DeedParts {
  deps: Deps;
  providers: PaymentProviders;
}

export interface AskedDeed {
  orderId: string;
  write: IdempotentWrite;
  change: OrderChange;
}

/**
 * @returns ids of the rows that the deed created; a repeated request gets the same ids
 * @throws Refusal 404, 409 and 422 of the state machine; 422 where the key belongs to another request
 */
export async function performDeed(
  { deps, providers }: DeedParts,
  { orderId, write, change }: AskedDeed,
): Promise<Made> {
  if (change.deed.what === 'ship') await captureBeforeShipping(deps, providers, orderId, change.deed);
  const made = await retryOnConflict(() =>
    writeOnce(deps.db, write, async (tx) => {
      const { shipmentId, returnId, refundId } = await changeOrder(
        { tx, settings: deps.settings },
        orderId,
        change,
      );
      return { shipmentId, returnId, refundId } as Made;
    }),
  );
  deps.wakeWorker();
  if (mayOwe.has(change.deed.what)) await payBackSoon(deps, providers, orderId);
  return made;
}

const mayOwe = new Set<OrderChange['deed']['what']>(['cancel', 'receive-return', 'refund']);

/** @throws Refusal 404 */
export async function orderOfReturn({ db }: Pick<Deps, 'db'>, returnId: string): Promise<string> {
  const row = idPattern.test(returnId)
    ? await db.selectFrom('returns').select('order_id').where('id', '=', returnId).executeTakeFirst()
    : undefined;
  if (row === undefined) throw notFound('This return');
  return row.order_id;
}

// Takes the money of an authorised payment before the first parcel leaves. The amount is stored first, so that after a
// crash the next process knows that money may have moved.

/** After this time the process that ships has its answer, or it has died. */
const captureLateSeconds = 15;

/**
 * Does nothing for an order that is already paid, or that is not authorised. Safe to repeat: Stripe captures a
 * payment once.
 * @throws Refusal where the state machine refuses the shipment; no money is taken then
 */
export async function captureBeforeShipping(
  deps: Deps,
  providers: PaymentProviders,
  orderId: string,
  deed: Deed,
): Promise<void> {
  if (await retryOnConflict(() => beginCapture(deps.db, orderId, deed, deps.now())))
    await callProviderAndRecord(deps, providers, orderId, 'capture');
}

/** @returns whether there is money to capture */
function beginCapture(db: Db, orderId: string, deed: Deed, nowMs: number): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const life = await lockLife(tx, orderId);
    if (life?.payment !== 'authorised' || life.status === 'cancelled') return false;
    step({ ...life, payment: 'paid', status: 'paid' }, deed);
    await tx
      .updateTable('payments')
      .set({ capture_begun_at: sql<Date>`clock_timestamp()`, capture_amount: life.total - life.leftOut })
      .where('order_id', '=', orderId)
      .execute();
    const dueAt = new Date(nowMs + captureLateSeconds * 1_000);
    await addToOutbox(tx, 'settle-payment', { orderId }, { dueAt });
    return true;
  });
}
