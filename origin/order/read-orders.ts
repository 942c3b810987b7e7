// Own orders: an account's, or those that this browser placed as a guest. Anything else does not exist.
import type { Deps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { idPattern } from '../web/api/api.ts';
import type { Order } from './order.ts';
import { readOrderIds } from './order-cookie.ts';
import { orderColumns, withLines } from './order-rows.ts';
import { listOrdersOfAccount } from './orders-of-account.ts';
import type { ShippingAddress } from './shipping-address.ts';

/** Whose orders: both may be there, as after a sign-in. */
export interface Buyer {
  accountId: string | undefined;
  cookieHeader: string | undefined;
}

/** What a page shows beside the order itself. */
export interface OrderDetail {
  order: Order;
  email: string | null;
  shippingAddress: ShippingAddress | null;
  flag: 'late-money' | 'refunded' | null;
}

/** @throws Refusal 404 */
export async function readOrder(
  deps: Pick<Deps, 'db' | 'settings'>,
  id: string,
  buyer: Buyer,
): Promise<Order> {
  return (await readOrderDetail(deps, id, buyer)).order;
}

/** @throws Refusal 404 */
export async function readOrderDetail(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  id: string,
  { accountId, cookieHeader }: Buyer,
): Promise<OrderDetail> {
  if (!idPattern.test(id)) throw notFound('This order');
  const placedHere = readOrderIds(settings, cookieHeader).includes(id);
  const row = await db
    .selectFrom('orders')
    .innerJoin('payments', 'payments.order_id', 'orders.id')
    .select([...orderColumns, 'orders.email', 'orders.shipping_address', 'payments.flag'])
    .where('orders.id', '=', id)
    .where((where) =>
      where.or([
        where('orders.account_id', '=', accountId ?? null),
        // A guest's order belongs to the browser; one placed signed in belongs to the account alone.
        where.and([where('orders.account_id', 'is', null), where.val(placedHere)]),
      ]),
    )
    .executeTakeFirst();
  if (row === undefined) throw notFound('This order');
  const [order] = await withLines(db, [row]);
  return {
    order: order!,
    email: row.email,
    shippingAddress: row.shipping_address,
    flag: row.flag,
  };
}

/** Newest first. */
export async function listOrders(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  buyer: Buyer,
): Promise<Order[]> {
  const ids = readOrderIds(settings, buyer.cookieHeader);
  const guest =
    ids.length === 0
      ? []
      : await db
          .selectFrom('orders')
          .innerJoin('payments', 'payments.order_id', 'orders.id')
          .select(orderColumns)
          .where('orders.id', 'in', ids)
          .where('orders.account_id', 'is', null)
          .execute();
  const own = buyer.accountId === undefined ? [] : await listOrdersOfAccount(db, buyer.accountId);
  const all = [...own, ...(await withLines(db, guest))];
  return all.sort((a, b) => b.placedAt.localeCompare(a.placedAt));
}
