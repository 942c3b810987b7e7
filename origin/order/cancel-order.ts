// Cancels an unpaid order and returns its stock.
import { returnStock } from '../catalog/change/take-stock.ts';
import type { Tx } from '../schema.ts';

/** Gives the stock back, once: only the one who turns the order to cancelled does. */
export async function cancelOrder(tx: Tx, orderId: string): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('orders')
    .set({ status: 'cancelled' })
    .where('id', '=', orderId)
    .where('status', '=', 'placed')
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return;
  const lines = await tx
    .selectFrom('order_lines')
    .select(['variant_id as variantId', 'quantity'])
    .where('order_id', '=', orderId)
    .execute();
  await returnStock(tx, lines);
}
