// Reads a visitor's own orders: those of the account, or those that this browser placed as a guest.
// All others are 404. Guests' orders join an account here.

import { z } from '@hono/zod-openapi';
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import type { DbOrTx, Tx } from '../schema.ts';
import { idPattern } from '../web/api/api.ts';
import { opensOrder, readOrderIds } from './guest-orders.ts';
import { exampleOrder, type Order, OrderSchema } from './order.ts';
import { orderColumns, withLines } from './order-rows.ts';
import {
  type BillingAddress,
  exampleAddress,
  OrderAddressSchema,
  type ShippingAddress,
} from './shipping-address.ts';

/** The visitor. After a sign-in, both the account and the browser's cookie may own orders. */
export interface Buyer {
  accountId: string | undefined;
  cookieHeader: string | undefined;
}

/** What the order's page shows besides the order itself. */
export interface OrderDetail {
  order: Order;
  email: string | null;
  shippingAddress: ShippingAddress | null;
  /** Null where the invoice goes to the delivery address. */
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
 * Reads the order for everyone who has the link of a mail. An order whose buyer was anonymised has no such link.
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
 * Opens the order for a visitor who may see it by account, cookie or the key of a mail's link. The same right allows
 * cancelling it and sending pieces back.
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
 * A guest's order belongs to the browser that placed it. An order placed with an account belongs only to the account,
 * and to nobody once the account is deleted.
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

// The orders of an account: listed, exported, and joined by its owner's earlier guest orders.

const mostShown = 200;

/** Newest first. Index: orders_by_account */
export async function listOrdersOfAccount(db: DbOrTx, accountId: string): Promise<Order[]> {
  const newest = ordersWithPayment(db).where('orders.account_id', '=', accountId).limit(mostShown);
  return withLines(db, await newest.execute());
}

/** An order with its personal data: shipping address and e-mail. */
export const OrderExportSchema = z
  .object({
    ...OrderSchema.shape,
    email: z.string().nullable(),
    // A union, because `nullable` would tell the OpenAPI document that every such address may be null.
    shippingAddress: z.union([OrderAddressSchema, z.null()]),
  })
  .openapi('OrderExport', {
    example: { ...exampleOrder, email: 'ada@example.com', shippingAddress: exampleAddress },
  });

/** Newest first. @param orderIds orders of the person who asked for the data */
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
 * Moves guest orders to the account at sign-up and sign-in. Only those of this browser with the account's e-mail are
 * moved.
 * @param guestOrderIds ids from the browser's signed cookie
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
