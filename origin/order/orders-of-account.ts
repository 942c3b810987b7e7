// The orders of an account: listed, exported, and joined by what its owner ordered as a guest.
import { z } from '@hono/zod-openapi';
import { sql } from 'kysely';
import type { DbOrTx, Tx } from '../schema.ts';
import { exampleOrder, type Order, OrderSchema } from './order.ts';
import { orderColumns, withLines } from './order-rows.ts';
import { exampleAddress, OrderAddressSchema } from './shipping-address.ts';

const mostShown = 200;

/** Newest first. Index: orders_by_account */
export async function listOrdersOfAccount(db: DbOrTx, accountId: string): Promise<Order[]> {
  const newest = ordersWithPayment(db).where('orders.account_id', '=', accountId).limit(mostShown);
  return withLines(db, await newest.execute());
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

/** Newest first. @param orderIds of the person whose data it is */
export async function exportOrders(
  db: DbOrTx,
  orderIds: string[],
): Promise<z.infer<typeof OrderExportSchema>[]> {
  if (orderIds.length === 0) return [];
  const rows = await ordersWithPayment(db)
    .where('orders.id', 'in', orderIds)
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

function ordersWithPayment(db: DbOrTx) {
  return db
    .selectFrom('orders')
    .innerJoin('payments', 'payments.order_id', 'orders.id')
    .select(orderColumns)
    .orderBy('orders.id', 'desc');
}
