// What waits for staff: orders to ship, with a pick list for the first of them, and returns. The oldest come first.
import { type RawBuilder, sql } from 'kysely';
import { barcode } from '../../catalog/read-product.ts';
import type { Db } from '../../schema.ts';
import { normaliseNumber } from '../guest-orders.ts';
import type { ReturnStatus } from '../tables.ts';
import { readStaffOrders, type StaffOrder } from './staff-orders.ts';

/** The order is paid, authorised or paid at the door, and some of its pieces have not left. */
const isToShip = sql`o.fulfilment in ('open', 'partly-shipped') and o.status <> 'cancelled'
  and (o.status = 'paid' or exists (
    select from payments p where p.order_id = o.id
      and (p.status = 'authorised' or (p.provider = 'on-delivery' and p.status = 'pending'))))`;

/**
 * Index: orders_to_ship.
 * @param after the id of the last order that was shown
 * @param code a SKU, a barcode or the number of an order
 */
export async function listToShip(
  db: Db,
  { after, limit, code }: { after?: string | undefined; limit: number; code?: string | undefined },
): Promise<StaffOrder[]> {
  const conditions: RawBuilder<unknown>[] = [isToShip];
  if (after !== undefined)
    conditions.push(sql`(o.placed_at, o.id) > (select placed_at, id from orders where id = ${after})`);
  if (code !== undefined)
    conditions.push(sql`(o.number = ${normaliseNumber(code)} or exists (
      select from order_lines l left join variants v on v.id = l.variant_id
      where l.order_id = o.id and l.quantity > l.shipped + l.withdrawn
        and (lower(l.sku) = lower(${code}) or ${barcode} = ${code})
      -- Looked up order by order: else the lines of all orders would be read first.
      offset 0))`);
  const { rows } = await sql<{ id: string }>`
    select o.id from orders o where ${sql.join(conditions, sql` and `)}
    order by o.placed_at, o.id limit ${limit}`.execute(db);
  return readStaffOrders(
    db,
    rows.map(({ id }) => id),
  );
}

/** Counts the pieces of an order that have not left yet. */
export function countToShip({ lines }: StaffOrder): number {
  return lines.reduce((sum, { quantity, shipped, cancelled }) => sum + quantity - shipped - cancelled, 0);
}

export interface PickedLine {
  sku: string;
  name: string;
  color: string;
  size: string;
  quantity: number;
  /** The orders that need it, with number and pieces. */
  orders: { number: string; quantity: number }[];
}

/** Lists each variant once, by SKU, which is the order of the shelves. */
export function toPickList(orders: StaffOrder[]): PickedLine[] {
  const picked = new Map<string, PickedLine>();
  for (const { number, lines } of orders)
    for (const { variantId, sku, name, color, size, quantity, shipped, cancelled } of lines) {
      const left = quantity - shipped - cancelled;
      if (left <= 0) continue;
      const line = picked.get(variantId) ?? { sku, name, color, size, quantity: 0, orders: [] };
      line.quantity += left;
      line.orders.push({ number, quantity: left });
      picked.set(variantId, line);
    }
  return [...picked.values()].sort((a, b) => (a.sku < b.sku ? -1 : a.sku > b.sku ? 1 : 0));
}

export interface StaffReturn {
  id: string;
  number: string;
  orderId: string;
  email: string | null;
  reason: string;
  /** The number of pieces that were announced. */
  pieces: number;
  requestedAt: string;
}

/**
 * Lists announced returns oldest first, and closed ones newest first. Index: returns_by_status
 * @param after the id of the last return that was shown
 */
export async function listReturns(
  db: Db,
  { status, after, limit }: { status: ReturnStatus; after: string | undefined; limit: number },
): Promise<StaffReturn[]> {
  const isQueue = status === 'requested';
  const direction = isQueue ? sql`asc` : sql`desc`;
  const behind =
    after === undefined ? sql`true` : isQueue ? sql`r.id > ${after}::bigint` : sql`r.id < ${after}::bigint`;
  const { rows } = await sql<Omit<StaffReturn, 'requestedAt'> & { requestedAt: Date }>`
    select r.id::text as id, r.number, r.order_id::text as "orderId", o.email, r.reason,
      (select coalesce(sum(quantity), 0)::integer from return_lines l where l.return_id = r.id) as pieces,
      r.requested_at as "requestedAt"
    from returns r join orders o on o.id = r.order_id
    where r.status = ${status} and ${behind}
    order by r.id ${direction} limit ${limit}`.execute(db);
  return rows.map((row) => ({ ...row, requestedAt: row.requestedAt.toISOString() }));
}
