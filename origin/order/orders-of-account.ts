// What accounts need of orders: their list, and that the person can be forgotten while the order stays.
import type { DbOrTx, Tx } from '../postgres/database.ts';
import type { Order } from './order.ts';
import { type OrderRow, orderColumns, withLines } from './order-rows.ts';

const mostOrders = 200;

/** Newest first. Index: orders_by_account */
export async function listOrdersOfAccount(db: DbOrTx, accountId: string): Promise<Order[]> {
  const rows: OrderRow[] = await db
    .selectFrom('orders')
    .innerJoin('payments', 'payments.order_id', 'orders.id')
    .select(orderColumns)
    .where('orders.account_id', '=', accountId)
    .orderBy('orders.id', 'desc')
    .limit(mostOrders)
    .execute();
  return withLines(db, rows);
}

/** Part of deleting an account. */
export async function forgetBuyer(tx: Tx, accountId: string): Promise<void> {
  await tx
    .updateTable('orders')
    .set({ account_id: null, email: null, shipping_address: null })
    .where('account_id', '=', accountId)
    .execute();
}
