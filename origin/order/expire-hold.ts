// The worker's job that cancels an order whose payment was never attempted, so that its stock is free again.
import type { Deps } from '../deps.ts';
import { cancelOrder } from './cancel-order.ts';

/**
 * Only while no attempt began: from then on money may have moved, and the hold ends with the payment's outcome alone.
 */
export async function expireHold({ db }: Pick<Deps, 'db'>, orderId: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const expired = await tx
      .updateTable('payments')
      .set({ status: 'failed' })
      .where('order_id', '=', orderId)
      .where('status', '=', 'reserved')
      .where('attempted_at', 'is', null)
      .executeTakeFirst();
    if (expired.numUpdatedRows === 1n) await cancelOrder(tx, orderId);
  });
}
