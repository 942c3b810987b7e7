// Takes the money of an authorised payment before the first parcel leaves. The amount is stored first, so that after a
// crash the next process knows that money may have moved.
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { addToOutbox } from '../../outbox/events.ts';
import { retryOnConflict } from '../../postgres/postgres-errors.ts';
import type { Db } from '../../schema.ts';
import { type Deed, step } from '../life/order-life.ts';
import { lockLife } from '../life/read-life.ts';
import { callProviderAndRecord } from '../pay-order.ts';
import type { PaymentProviders } from './providers.ts';

/** By then whoever ships has its answer, or its process has died. */
const captureLateSeconds = 15;

/**
 * Does nothing for an order that is paid already, or not authorised. Safe to repeat: Stripe captures a payment once.
 * @throws Refusal what the order's life says of the shipment, before any money is taken for it
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

/** @returns whether there is something to capture */
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
