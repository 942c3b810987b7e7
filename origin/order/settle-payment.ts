// The worker's jobs for a payment: one makes the missing attempt, retrieves an earlier outcome and refunds late money;
// one cancels an order whose payment was never attempted. Safe to repeat.
import type { Deps } from '../deps.ts';
import { retryOnConflict } from '../postgres/postgres-errors.ts';
import { changeOrder } from './life/change-order.ts';
import { attemptPayment, callProviderAndRecord } from './pay-order.ts';
import { createPaymentProviders, type PaymentProviders } from './payment/providers.ts';
import { lockPayment, refundLateMoney } from './record-outcome.ts';

export async function settlePayment(
  deps: Deps,
  orderId: string,
  providers: PaymentProviders = createPaymentProviders(deps.settings),
): Promise<void> {
  await attemptPayment(deps, providers, orderId);
  const payment = await deps.db
    .selectFrom('payments')
    .select(['status', 'flag'])
    .where('order_id', '=', orderId)
    .executeTakeFirst();
  if (payment?.flag === 'late-money') return refundLateMoney(deps, providers, orderId);
  if (['pending', 'authorised', 'unknown'].includes(payment?.status ?? '')) {
    await callProviderAndRecord(deps, providers, orderId, 'retrieve');
  }
}

/**
 * Cancels an order whose payment was never attempted, so that its stock is free again.
 * Only while no attempt began: from then on money may have moved, and the hold ends with the payment's outcome alone.
 */
export async function expireHold(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  orderId: string,
): Promise<void> {
  await retryOnConflict(() =>
    db.transaction().execute(async (tx) => {
      const payment = await lockPayment(tx, orderId);
      if (payment?.status !== 'reserved' || payment.attempted_at !== null) return;
      await changeOrder({ tx, settings }, orderId, {
        deed: { what: 'payment', to: 'failed' },
        by: { who: 'shop' },
        detail: 'Not paid in time',
      });
    }),
  );
}
