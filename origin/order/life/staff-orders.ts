// Reads orders for staff: lists with filters and search, newest first, and one order with its history.
import { createHash } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import { notFound, Refusal } from '../../errors.ts';
import type { Db, DbOrTx } from '../../schema.ts';
import { decodeCursor, idPattern, z } from '../../web/api/api.ts';
import { toPlainWords } from '../../web/api/plain-text.ts';
import { exampleOrder, OrderSchema } from '../order.ts';
import { orderColumns, withLines } from '../order-rows.ts';
import { DisputeSchema, readDisputes } from '../payment/disputed-and-unclear.ts';
import { exampleAddress, OrderAddressSchema, OrderBillingAddressSchema } from '../shipping-address.ts';
import type { Fulfilment, OrderStatus, PaymentStatus } from '../tables.ts';

export const StaffOrderSchema = z
  .object({
    ...OrderSchema.shape,
    email: z.string().nullable(),
    // A union, because `nullable` would tell the OpenAPI document that every such address may be null.
    shippingAddress: z.union([OrderAddressSchema, z.null()]),
    billingAddress: z
      .union([OrderBillingAddressSchema, z.null()])
      .openapi({ description: 'Where it is another one than that of delivery, or of a company' }),
  })
  .openapi('StaffOrder', {
    example: {
      ...exampleOrder,
      email: 'ada@example.com',
      shippingAddress: exampleAddress,
      billingAddress: null,
    },
  });
export type StaffOrder = z.infer<typeof StaffOrderSchema>;

const exampleEvent = {
  at: '2026-12-01T08:00:00.000Z',
  who: 'staff@example.com',
  what: 'shipped',
  detail: '2 pieces. DHL 00340434161094042557',
};

export const StaffOrderDetailSchema = z
  .object({
    ...StaffOrderSchema.shape,
    events: z
      .array(
        z
          .object({
            at: z.iso.datetime(),
            who: z.string().openapi({
              description:
                '`shopper`, `shop`, the name of a payment provider, the e-mail of one of the staff, or the name of an API key',
            }),
            what: z.string(),
            detail: z.string(),
          })
          .openapi('OrderEvent', { example: exampleEvent }),
      )
      .openapi({ description: 'Oldest first' }),
    disputes: z.array(DisputeSchema),
  })
  .openapi('StaffOrderDetail', {
    example: {
      ...exampleOrder,
      email: 'ada@example.com',
      shippingAddress: exampleAddress,
      billingAddress: null,
      events: [exampleEvent],
      disputes: [],
    },
  });
export type StaffOrderDetail = z.infer<typeof StaffOrderDetailSchema>;
export type OrderEvent = StaffOrderDetail['events'][number];

export interface OrderFilter {
  q?: string | undefined;
  status?: OrderStatus | undefined;
  fulfilment?: Fulfilment | undefined;
  payment?: PaymentStatus | undefined;
  /** Placed at this time or later. */
  from?: Date | undefined;
  /** Placed before this time. */
  to?: Date | undefined;
}

export interface OrderListQuery extends OrderFilter {
  cursor?: string | undefined;
  limit: number;
}

/**
 * Indexes: orders_newest, orders_by_status, orders_by_fulfilment, payments_by_status, orders_by_words,
 * order_lines_by_sku.
 * @throws Refusal 400 `bad-cursor`
 */
export async function listStaffOrders(
  db: Db,
  query: OrderListQuery,
): Promise<{ items: StaffOrder[]; nextCursor: string | null }> {
  const places = await findPlaces(db, query);
  const shown = places.slice(0, query.limit);
  const items = await readStaffOrders(
    db,
    shown.map(({ id }) => id),
  );
  const last = shown.at(-1);
  const hasMore = places.length > query.limit && last !== undefined;
  return { items, nextCursor: hasMore ? writeCursor(query, last) : null };
}

/** A row of the list: microseconds since 1970 and id. */
interface Place {
  micros: string;
  id: string;
}

async function findPlaces(db: Db, query: OrderListQuery): Promise<Place[]> {
  const { limit } = query;
  const filters = filtersOf(query);
  const find = (more: RawBuilder<unknown>[]) => sql`
    (select o.id, o.placed_at from orders o
    where ${sql.join([...filters, ...more, sql`true`], sql` and `)}
    order by o.placed_at desc, o.id desc
    limit ${limit + 1})`;
  const q = toPlainWords(query.q ?? '');
  // Each kind of search has its own index. One condition for all could use none of them.
  const found = q === '' ? find([]) : sql`${find([hasWords(q)])} union ${find([hasSku(q)])}`;
  const { rows } = await sql<Place>`
    select id, (extract(epoch from placed_at) * 1000000)::bigint::text as micros from (${found}) found
    order by placed_at desc, id desc
    limit ${limit + 1}`.execute(db);
  return rows;
}

function filtersOf(query: OrderListQuery): RawBuilder<unknown>[] {
  const { status, fulfilment, payment, from, to } = query;
  const after = readCursor(query);
  const filters: RawBuilder<unknown>[] = [];
  if (status) filters.push(sql`o.status = ${status}`);
  if (fulfilment) filters.push(sql`o.fulfilment = ${fulfilment}`);
  if (payment)
    filters.push(sql`exists (select from payments p where p.order_id = o.id and p.status = ${payment})`);
  if (from) filters.push(sql`o.placed_at >= ${from}`);
  if (to) filters.push(sql`o.placed_at < ${to}`);
  if (after)
    filters.push(sql`
      (o.placed_at, o.id) < (timestamptz 'epoch' + ${after.micros}::bigint * interval '1 microsecond', ${after.id}::bigint)`);
  return filters;
}

/**
 * Matches number, e-mail and name. Every word must occur; the last may be unfinished. Words are split as by
 * `order_terms` in SQL.
 */
function hasWords(q: string): RawBuilder<unknown> {
  const words = q
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/[\u0300-\u036f'\u2019]/g, '')
    .split(/[\s!-/:-@[-`{-~]+/)
    .filter((word) => word !== '')
    // All order numbers begin with MC.
    .filter((word, _, all) => word !== 'mc' || all.length === 1)
    .slice(0, 12);
  if (words.length === 0) return sql`false`;
  const tsquery = `${words.map((word) => `'${word}'`).join(' & ')}:*`;
  return sql`order_search(o.number, o.email, o.shipping_address ->> 'name') @@ ${tsquery}::tsquery`;
}

function hasSku(q: string): RawBuilder<unknown> {
  const sku = q.toLowerCase();
  return sql`o.id in (
    select l.order_id from order_lines l
    where lower(l.sku) collate "C" >= ${sku} and lower(l.sku) collate "C" < ${`${sku}\uffff`})`;
}

/** Returns the orders in the order of the ids. */
export async function readStaffOrders(db: DbOrTx, ids: string[]): Promise<StaffOrder[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom('orders')
    .innerJoin('payments', 'payments.order_id', 'orders.id')
    .select([...orderColumns, 'orders.email', 'orders.billing_address'])
    .where('orders.id', 'in', ids)
    .execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  const known = ids.flatMap((id) => byId.get(id) ?? []);
  const orders = await withLines(db, known);
  return orders.map((order, at) => ({
    ...order,
    email: known[at]!.email,
    shippingAddress: known[at]!.shipping_address,
    billingAddress: known[at]!.billing_address,
  }));
}

/** @throws Refusal 404 */
export async function readStaffOrder(db: DbOrTx, id: string): Promise<StaffOrderDetail> {
  const [order] = idPattern.test(id) ? await readStaffOrders(db, [id]) : [];
  if (order === undefined) throw notFound('This order');
  const [events, disputes] = [await readEvents(db, order), await readDisputes(db, id)];
  return { ...order, events, disputes };
}

/** Oldest first. Index: order_events_by_order */
export async function readEvents(
  db: DbOrTx,
  { id, placedAt }: { id: string; placedAt: string },
): Promise<OrderEvent[]> {
  const rows = await db
    .selectFrom('order_events as event')
    .leftJoin('accounts', 'accounts.id', 'event.account_id')
    .leftJoin('api_keys', 'api_keys.id', 'event.api_key_id')
    .select(['event.at', 'event.who', 'accounts.email', 'api_keys.name', 'event.what', 'event.detail'])
    .where('event.order_id', '=', id)
    .orderBy('event.id')
    .execute();
  const events = rows.map(({ at, who, email, name, what, detail }) => ({
    at: at.toISOString(),
    who: email ?? name ?? who,
    what,
    detail,
  }));
  // The previous release wrote no event when an order was placed.
  if (events[0]?.what === 'placed') return events;
  return [{ at: placedAt, who: 'shopper', what: 'placed', detail: '' }, ...events];
}

/** Removes who ordered, for staff who may not see customers. */
export function withoutPeople<Seen extends StaffOrder>(order: Seen): Seen {
  return { ...order, email: null, shippingAddress: null, billingAddress: null };
}

/** Also removes names of staff, and all texts that shoppers and staff wrote. */
export function withoutPeopleOfHistory(order: StaffOrderDetail): StaffOrderDetail {
  const events = order.events.map(({ at, who, what }) => ({
    at,
    who: who.includes('@') ? 'staff' : who,
    what,
    detail: '',
  }));
  const refunds = order.refunds.map((refund) => ({ ...refund, reason: '' }));
  return { ...withoutPeople(order), refunds, events };
}

function writeCursor(query: OrderFilter, { micros, id }: Place): string {
  return Buffer.from(`${markOf(query)}.${micros}.${id}`).toString('base64url');
}

/** @throws Refusal 400 `bad-cursor` where it was not made for the same filter */
function readCursor(query: OrderListQuery): Place | undefined {
  if (query.cursor === undefined) return undefined;
  const [mark, micros = '', id = '', ...rest] = (decodeCursor(query.cursor) ?? '').split('.');
  const isOurs = rest.length === 0 && /^-?\d{1,16}$/.test(micros) && idPattern.test(id);
  if (!isOurs) throw new Refusal(400, 'bad-cursor', 'cursor: was not given by this list');
  if (mark !== markOf(query))
    throw new Refusal(400, 'bad-cursor', 'cursor: belongs to a list with another filter');
  return { micros, id };
}

function markOf({ q, status, fulfilment, payment, from, to }: OrderFilter): string {
  const filter = [toPlainWords(q ?? '') || null, status, fulfilment, payment, from, to];
  return createHash('sha256').update(JSON.stringify(filter)).digest('base64url').slice(0, 12);
}
