// The worker's job that cancels an order whose payment was never attempted, so that its stock is free again.
import type { Deps } from '../deps.ts';
import { retryOnConflict } from '../postgres/postgres-errors.ts';
import { changeOrder } from './life/change-order.ts';
import { lockPayment } from './record-outcome.ts';

/**
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
