// The orders of an account: listed, exported, and anonymised when the account is deleted.
import { z } from '@hono/zod-openapi';
import { sql } from 'kysely';
import { forgetCustomer } from '../checkout/promotions.ts';
import type { DbOrTx, Tx } from '../schema.ts';
import { exampleOrder, type Order, OrderSchema } from './order.ts';
import { orderColumns, withLines } from './order-rows.ts';
import { exampleAddress, OrderAddressSchema } from './shipping-address.ts';

const mostShown = 200;

/** Newest first. Index: orders_by_account */
export async function listOrdersOfAccount(db: DbOrTx, accountId: string): Promise<Order[]> {
  return withLines(db, await ordersOf(db, accountId).limit(mostShown).execute());
}

/** With what is personal of an order: shipping address and e-mail. */
export const OrderExportSchema = z
  .object({
    ...OrderSchema.shape,
    email: z.string().nullable(),
    // Not `nullable`, by which the document would say that an address itself can be null wherever there is one.
    shippingAddress: z.union([OrderAddressSchema, z.null()]),
  })
  .openapi('OrderExport', {
    example: { ...exampleOrder, email: 'ada@example.com', shippingAddress: exampleAddress },
  });

/** All of them, newest first. */
export async function exportOrdersOfAccount(
  db: DbOrTx,
  accountId: string,
): Promise<z.infer<typeof OrderExportSchema>[]> {
  const rows = await ordersOf(db, accountId)
    .select(['orders.email', 'orders.shipping_address as shippingAddress'])
    .execute();
  const orders = await withLines(db, rows);
  return orders.map((order, index) => {
    const { email, shippingAddress } = rows[index]!;
    return { ...order, email, shippingAddress };
  });
}

/**
 * Part of sign-up and sign-in: what this browser ordered as a guest under the account's e-mail is the account's from
 * then on.
 * @param guestOrderIds as the browser's signed cookie names them
 */
export async function adoptGuestOrders(tx: Tx, accountId: string, guestOrderIds: string[]): Promise<void> {
  if (guestOrderIds.length === 0) return;
  await sql`
    update orders set account_id = ${accountId}
    where id = any(${guestOrderIds}::bigint[]) and account_id is null
      and lower(email) = (select lower(email) from accounts where id = ${accountId})`.execute(tx);
}

/** Part of deleting an account. */
export async function forgetBuyer(tx: Tx, accountId: string): Promise<void> {
  const own = sql`select id from orders where account_id = ${accountId}`;
  await sql`update returns set reason = '' where order_id in (${own})`.execute(tx);
  await sql`update withdrawals set name = '', email = '', pieces = '' where order_id in (${own})`.execute(tx);
  await sql`update order_events set detail = '' where who = 'shopper' and order_id in (${own})`.execute(tx);
  await tx
    .updateTable('orders')
    .set({ account_id: null, email: null, shipping_address: null, billing_address: null })
    .where('account_id', '=', accountId)
    .execute();
  await forgetCustomer(tx, accountId);
}

function ordersOf(db: DbOrTx, accountId: string) {
  return db
    .selectFrom('orders')
    .innerJoin('payments', 'payments.order_id', 'orders.id')
    .select(orderColumns)
    .where('orders.account_id', '=', accountId)
    .orderBy('orders.id', 'desc');
}
