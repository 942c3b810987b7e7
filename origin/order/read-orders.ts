// Reads a visitor's own orders: those of the account, or those that this browser placed as a guest. Others are 404.
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import type { DbOrTx } from '../schema.ts';
import { idPattern } from '../web/api/api.ts';
import type { Order } from './order.ts';
import { readOrderIds } from './order-cookie.ts';
import { opensOrder } from './order-link.ts';
import { orderColumns, withLines } from './order-rows.ts';
import { listOrdersOfAccount } from './orders-of-account.ts';
import type { BillingAddress, ShippingAddress } from './shipping-address.ts';

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
  /** Null: that of delivery. */
  billingAddress: BillingAddress | null;
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
  const placedHere = readOrderIds(settings, cookieHeader).includes(id);
  const row = await findRow(db, id);
  const isOfAccount = row?.account_id != null && row.account_id === accountId;
  if (row === undefined || !(isOfAccount || (placedHere && isOfGuest(row)))) throw notFound('This order');
  return toDetail(db, row);
}

/**
 * For whoever has the link of a mail; a buyer who was forgotten has none any more.
 * @throws Refusal 404, whatever is wrong with the key
 */
export async function readOrderByKey(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  id: string,
  key: string,
): Promise<OrderDetail> {
  const row = await findRow(db, id);
  if (row === undefined || row.email === null || !opensOrder(settings, row, key))
    throw notFound('This order');
  return toDetail(db, row);
}

/**
 * For whoever may see it by account, cookie or the key of a mail's link: by the same right it is cancelled and sent
 * back.
 * @throws Refusal 404
 */
export async function openOrder(
  deps: Pick<Deps, 'db' | 'settings'>,
  id: string,
  buyer: Buyer,
  key: string | undefined,
): Promise<OrderDetail> {
  return readOrderDetail(deps, id, buyer).catch((error: unknown) => {
    if (key === undefined || !(error instanceof Refusal) || error.status !== 404) throw error;
    return readOrderByKey(deps, id, key);
  });
}

async function findRow(db: DbOrTx, id: string) {
  if (!idPattern.test(id)) return undefined;
  return db
    .selectFrom('orders')
    .innerJoin('payments', 'payments.order_id', 'orders.id')
    .select([...orderColumns, 'orders.account_id', 'orders.email', 'orders.billing_address', 'payments.flag'])
    .where('orders.id', '=', id)
    .executeTakeFirst();
}

type FoundRow = NonNullable<Awaited<ReturnType<typeof findRow>>>;

/**
 * A guest's order belongs to the browser; one placed signed in belongs to the account alone, and to nobody once that
 * is deleted.
 */
function isOfGuest({ account_id, email }: Pick<FoundRow, 'account_id' | 'email'>): boolean {
  return account_id === null && email !== null;
}

async function toDetail(db: DbOrTx, row: FoundRow): Promise<OrderDetail> {
  const [order] = await withLines(db, [row]);
  const { email, shipping_address: shippingAddress, billing_address: billingAddress, flag } = row;
  return { order: order!, email, shippingAddress, billingAddress, flag };
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
          .where('orders.email', 'is not', null)
          .execute();
  const own = buyer.accountId === undefined ? [] : await listOrdersOfAccount(db, buyer.accountId);
  const all = [...own, ...(await withLines(db, guest))];
  return all.sort((a, b) => b.placedAt.localeCompare(a.placedAt));
}
